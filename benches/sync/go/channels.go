// Channels and select, with and without a time limit.
package main

import "time"

const limit = time.Minute

func roundTrips(capacity, n int) {
	there, back := make(chan int, capacity), make(chan int, capacity)
	all(
		func() {
			last := 0
			for i := 0; i < n; i++ {
				there <- i
				last = <-back
			}
			sink = last
		},
		func() {
			for i := 0; i < n; i++ {
				back <- <-there
			}
		},
	)
}

func stream(each, n int) {
	messages := make(chan int, 128)
	var bodies []func()
	for i := 0; i < each; i++ {
		bodies = append(bodies,
			func() {
				for i := 0; i < n/each; i++ {
					messages <- i
				}
			},
			func() {
				for i := 0; i < n/each; i++ {
					<-messages
				}
			},
		)
	}
	all(bodies...)
}

//go:noinline
func newOneshot() chan int {
	return make(chan int, 1)
}

func oneshots(n int) {
	for i := 0; i < n; i++ {
		oneshot := newOneshot()
		oneshot <- i
		sink = <-oneshot
	}
}

type four [4]chan int

func newFour() (channels four) {
	for i := range channels {
		channels[i] = make(chan int, 8)
	}
	return
}

func (channels *four) next() (message int) {
	select {
	case message = <-channels[0]:
	case message = <-channels[1]:
	case message = <-channels[2]:
	case message = <-channels[3]:
	}
	return
}

func selectReady(n int) {
	channels := newFour()
	for i := 0; i < n; i++ {
		channels[i%4] <- i
		if channels.next() != i {
			panic("another message")
		}
	}
}

func selectWait(n int) {
	channels := newFour()
	back := make(chan int, 1)
	all(
		func() {
			for i := 0; i < n; i++ {
				back <- channels.next()
			}
		},
		func() {
			for i := 0; i < n; i++ {
				channels[i%4] <- i
				if <-back != i {
					panic("another message")
				}
			}
		},
	)
}

func receive(messages chan int) int {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case message := <-messages:
		return message
	case <-timer.C:
		panic("nothing came")
	}
}

func timeoutReady(n int) {
	messages := make(chan int, 1)
	for i := 0; i < n; i++ {
		messages <- i
		sink = receive(messages)
	}
}

func timeoutRoundTrips(n int) {
	there, back := make(chan int, 1), make(chan int, 1)
	all(
		func() {
			last := 0
			for i := 0; i < n; i++ {
				there <- i
				last = receive(back)
			}
			sink = last
		},
		func() {
			for i := 0; i < n; i++ {
				back <- receive(there)
			}
		},
	)
}
