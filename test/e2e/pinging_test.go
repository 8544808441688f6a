package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pinging is a ping that goes on, of a packet every 10 ms, to see what an event
// costs.
type pinging struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  lockedBuffer
	what string
}

// pings starts to ping, and returns when the first answers are there.
func (c *cluster) pings(guest, addr string) *pinging {
	c.t.Helper()
	p := &pinging{t: c.t, what: guest + " to " + addr, out: lockedBuffer{b: &bytes.Buffer{}}}
	p.cmd = exec.Command(binary, c.labArgs([]string{"exec", guest, "--", "ping", "-n", "-D", "-i", "0.01", "-W", "1", addr})...)
	p.cmd.Env = append(os.Environ(), "VIADUCT_SERVER="+c.lab.Target())
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	p.goOn(c, 20)
	return p
}

// goOn waits until so many more answers have come.
func (p *pinging) goOn(c *cluster, more int) {
	c.t.Helper()
	want := p.answers() + more
	c.eventually(60*time.Second, func() error {
		if n := p.answers(); n < want {
			return &tooFew{p.what, n, want}
		}
		return nil
	})
}

func (p *pinging) answers() int { return len(answer.FindAllString(p.out.String(), -1)) }

type tooFew struct {
	what       string
	have, want int
}

func (e *tooFew) Error() string {
	return "ping of " + e.what + ": " + strconv.Itoa(e.have) + " answers, want " + strconv.Itoa(e.want)
}

// "[1763738404.123456] 64 bytes from 10.0.0.2: icmp_seq=12 ttl=64 time=0.5 ms"
var answer = regexp.MustCompile(`(?m)^\[([0-9.]+)\] \d+ bytes from .* icmp_seq=(\d+) `)

// gap is what a ping has seen.
type gap struct {
	// sent counts the packets up to the last that was answered, lost those without
	// an answer.
	sent, lost int
	// longest is the longest time between two answers.
	longest time.Duration
}

// ends stops the ping.
func (p *pinging) ends() gap {
	p.t.Helper()
	_ = unix.Kill(p.cmd.Process.Pid, unix.SIGINT)
	_ = p.cmd.Wait()
	var g gap
	var last float64
	all := answer.FindAllStringSubmatch(p.out.String(), -1)
	for _, m := range all {
		at, _ := strconv.ParseFloat(m[1], 64)
		if last > 0 {
			g.longest = max(g.longest, time.Duration((at-last)*float64(time.Second)).Round(10*time.Millisecond))
		}
		last = at
		seq, _ := strconv.Atoi(m[2])
		g.sent = max(g.sent, seq)
	}
	g.lost = g.sent - len(all)
	return g
}
