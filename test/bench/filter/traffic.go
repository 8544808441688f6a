package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
)

// The ports of the host's services: one discards what it receives, the other answers. On
// otherPort there is none, and the VNets' firewalls drop it.
const (
	streamPort = 5201
	answerPort = 5202
	otherPort  = 5203
)

// connectTimeout bounds everything that is not a measurement.
const connectTimeout = 5 * time.Second

// services are those of the host outside.
type services struct {
	stream, answer net.Listener
	// streams are the connections to take from.
	streams chan net.Conn
}

// serve opens the services.
func serve(host *netns.NS) (*services, error) {
	s := &services{streams: make(chan net.Conn)}
	err := host.Run(func() (err error) {
		if s.stream, err = net.Listen("tcp4", at(streamPort)); err != nil {
			return err
		}
		s.answer, err = net.Listen("tcp4", at(answerPort))
		return err
	})
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	go func() {
		defer close(s.streams)
		for {
			c, err := s.stream.Accept()
			if err != nil { // it was closed
				return
			}
			s.streams <- c
		}
	}()
	go func() {
		for {
			c, err := s.answer.Accept()
			if err != nil {
				return
			}
			var b [1]byte
			_ = c.SetDeadline(time.Now().Add(connectTimeout))
			if _, err := c.Read(b[:]); err == nil {
				_, _ = c.Write(b[:]) // the guest sees what is missing
			}
			_ = c.Close()
		}
	}()
	return s, nil
}

func (s *services) close() error {
	var errs []error
	for _, l := range []net.Listener{s.stream, s.answer} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

func at(port uint16) string { return netip.AddrPortFrom(hostOutside.Addr(), port).String() }

// dial connects the guest to a service.
func (o *node) dial(ctx context.Context, port uint16) (c net.Conn, err error) {
	err = o.guest.Run(func() error {
		c, err = (&net.Dialer{Timeout: connectTimeout}).DialContext(ctx, "tcp4", at(port))
		return err
	})
	return c, err
}

// refused makes sure that the firewall of the guest's VNet is in force: what no rule
// accepts gets no answer, and without a firewall the host would refuse the connection.
func (o *node) refused(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout/20)
	defer cancel()
	c, err := o.dial(ctx, otherPort)
	var timeout net.Error
	switch {
	case err == nil:
		return errors.Join(errors.New("the firewall lets pass what no rule allows"), c.Close())
	case errors.As(err, &timeout) && timeout.Timeout():
		return nil
	}
	return fmt.Errorf("the firewall does not drop what no rule allows: %w", err)
}

// throughput is what the host gets of one connection, in Gbit/s.
func (o *node) throughput(ctx context.Context) (float64, error) {
	c, err := o.dial(ctx, streamPort)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	end := time.Now().Add(perRun)
	if err := c.SetWriteDeadline(end); err != nil {
		return 0, err
	}
	far := <-o.services.streams
	defer far.Close()
	if from := far.RemoteAddr().(*net.TCPAddr).AddrPort().Addr(); from != nodeOutside.Addr() {
		return 0, fmt.Errorf("what the guest sends comes from %s and is not translated to %s", from, nodeOutside.Addr())
	}
	go func() {
		buf := make([]byte, 1<<17)
		for {
			if _, err := c.Write(buf); err != nil { // the time is over
				return
			}
		}
	}()
	if err := far.SetReadDeadline(end); err != nil {
		return 0, err
	}
	buf := make([]byte, 1<<18)
	total, start := 0, time.Now()
	for {
		n, err := far.Read(buf)
		total += n
		if err != nil {
			break // the time is over, here or there
		}
	}
	if total == 0 {
		return 0, errors.New("nothing arrives")
	}
	return float64(total) * 8 / 1e9 / time.Since(start).Seconds(), nil
}

// connections is how many of them, one after the other, are made in a second.
func (o *node) connections(ctx context.Context) (float64, error) {
	start := time.Now()
	err := o.guest.Run(func() error {
		var b [1]byte
		for range connections {
			c, err := (&net.Dialer{Timeout: connectTimeout}).DialContext(ctx, "tcp4", at(answerPort))
			if err != nil {
				return err
			}
			err = errors.Join(c.SetDeadline(time.Now().Add(connectTimeout)), c.(*net.TCPConn).SetLinger(0))
			if err == nil {
				_, err = c.Write([]byte{1})
			}
			if err == nil {
				_, err = c.Read(b[:])
			}
			if err = errors.Join(err, c.Close()); err != nil {
				return err
			}
		}
		return nil
	})
	return connections / time.Since(start).Seconds(), err
}
