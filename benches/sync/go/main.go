// The cases of the benchmark in Go. Usage: main CASE WORKERS COUNT; prints nanoseconds an operation, CPU and by the clock.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

var cases = map[string]func(n int){
	"round-trip-0":   func(n int) { roundTrips(0, n) },
	"round-trip-1":   func(n int) { roundTrips(1, n) },
	"stream-1":       func(n int) { stream(1, n) },
	"stream-4":       func(n int) { stream(4, n) },
	"lock":           lock,
	"contend":        func(n int) { contend(0, n) },
	"contend-yields": func(n int) { contend(16, n) },
	"read":           read,
	"acquire":        acquire,
	"permits":        permits,
	"event":          events,
	"notify":         notifies,
	"oneshot":        oneshots,
	"select-ready":   selectReady,
	"select-wait":    selectWait,
	"timeout-ready":  timeoutReady,
	"timeout-wait":   timeoutRoundTrips,
	"group":          groups,
}

// How many are in a group.
const members = 1000

// What is received goes here, so that nothing is optimised away.
var sink int

func main() {
	run, ok := cases[os.Args[1]]
	workers, err := strconv.Atoi(os.Args[2])
	count, err2 := strconv.Atoi(os.Args[3])
	if !ok || err != nil || err2 != nil {
		panic(fmt.Sprint("no such case: ", os.Args))
	}
	time.AfterFunc(240*time.Second, func() { panic("gave up") })
	runtime.GOMAXPROCS(workers)
	run(count / 10)
	cpu, wall := cpuTime(), time.Now()
	run(count)
	fmt.Println("cpu", float64(cpuTime()-cpu)/float64(count))
	fmt.Println("wall", float64(time.Since(wall).Nanoseconds())/float64(count))
}

func cpuTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// Runs a goroutine for each body to its end.
func all(bodies ...func()) {
	var group sync.WaitGroup
	group.Add(len(bodies))
	for _, body := range bodies {
		body := body
		go func() {
			defer group.Done()
			body()
		}()
	}
	group.Wait()
}

func crew(size int, body func()) {
	bodies := make([]func(), size)
	for i := range bodies {
		bodies[i] = body
	}
	all(bodies...)
}

func groups(n int) {
	for i := 0; i < n/members; i++ {
		crew(members, func() { runtime.KeepAlive(i) })
	}
}
