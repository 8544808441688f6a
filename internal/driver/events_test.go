package driver

import "testing"

func TestEvents(t *testing.T) {
	a, b := make(chan struct{}), make(chan struct{})
	e := NewEvents()
	e.Add(a)
	a <- struct{}{}
	<-e.C()
	close(a)
	e.Add(b)
	e.End()
	b <- struct{}{}
	<-e.C()
	close(b)
	if _, open := <-e.C(); open {
		t.Error("not closed with its sources")
	}
	late := make(chan struct{}, 1)
	late <- struct{}{}
	close(late)
	e.Add(late) // must not send to the closed channel
	if len(late) != 1 {
		t.Error("a source that comes after the end is read")
	}
}
