// Locks, and what stands for semaphores and events.
package main

import (
	"runtime"
	"sync"
)

const contenders = 8

func lock(n int) {
	var mutex sync.Mutex
	total := 0
	for i := 0; i < n; i++ {
		mutex.Lock()
		total++
		mutex.Unlock()
	}
	sink = total
}

func contend(yieldEvery, n int) {
	var mutex sync.Mutex
	total := 0
	crew(contenders, func() {
		for i := 1; i <= n/contenders; i++ {
			mutex.Lock()
			total++
			if yieldEvery != 0 && i%yieldEvery == 0 {
				runtime.Gosched()
			}
			mutex.Unlock()
		}
	})
	if total != n/contenders*contenders {
		panic("lost an update")
	}
}

func read(n int) {
	var mutex sync.RWMutex
	for i := 0; i < n; i++ {
		mutex.RLock()
		mutex.RUnlock()
	}
}

// A channel's places are the permits.
func acquire(n int) {
	permits := make(chan struct{}, 2)
	for i := 0; i < n; i++ {
		permits <- struct{}{}
		<-permits
	}
}

func permits(n int) {
	permits := make(chan struct{}, 2)
	crew(contenders, func() {
		for i := 0; i < n/contenders; i++ {
			permits <- struct{}{}
			runtime.Gosched()
			<-permits
		}
	})
}

func events(n int) {
	there, back := make(chan struct{}, 1), make(chan struct{}, 1)
	all(
		func() {
			for i := 0; i < n; i++ {
				there <- struct{}{}
				<-back
			}
		},
		func() {
			for i := 0; i < n; i++ {
				<-there
				back <- struct{}{}
			}
		},
	)
}

// A flag that waits for its setter.
type flag struct {
	mutex   sync.Mutex
	changed *sync.Cond
	isSet   bool
}

func newFlag() *flag {
	f := &flag{}
	f.changed = sync.NewCond(&f.mutex)
	return f
}

func (f *flag) set() {
	f.mutex.Lock()
	f.isSet = true
	f.mutex.Unlock()
	f.changed.Signal()
}

func (f *flag) take() {
	f.mutex.Lock()
	for !f.isSet {
		f.changed.Wait()
	}
	f.isSet = false
	f.mutex.Unlock()
}

func notifies(n int) {
	there, back := newFlag(), newFlag()
	all(
		func() {
			for i := 0; i < n; i++ {
				there.set()
				back.take()
			}
		},
		func() {
			for i := 0; i < n; i++ {
				there.take()
				back.set()
			}
		},
	)
}
