package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// keyboard is the other end of a terminal.
type keyboard struct {
	t         *testing.T
	tty, keys *os.File
	asked     int // questions so far

	mu    sync.Mutex
	shown bytes.Buffer
}

func openTerminal(t *testing.T) *keyboard {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	k := &keyboard{t: t, tty: tty, keys: keys}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(k, keys) // fails when the terminal is closed
	}()
	t.Cleanup(func() {
		_, _ = keys.WriteString("\n") // ends a read that was left behind by an interrupt
		tty.Close()
		<-done
		keys.Close()
	})
	return k
}

// Write receives what the terminal shows.
func (k *keyboard) Write(b []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.shown.Write(b)
}

func (k *keyboard) screen() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.shown.String()
}

// echoes reports whether the terminal shows typed text.
func (k *keyboard) echoes() bool {
	k.t.Helper()
	state, err := unix.IoctlGetTermios(int(k.tty.Fd()), unix.TCGETS)
	if err != nil {
		k.t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// await waits for the next question.
func (k *keyboard) await() {
	k.t.Helper()
	k.asked++
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(10 * time.Second); k.echoes() || strings.Count(k.screen(), ": ") < k.asked; <-tick.C {
		if time.Now().After(until) {
			k.t.Fatalf("question %d never came: %q", k.asked, k.screen())
		}
	}
}

// passwd runs the command on the terminal, with what is typed at each question;
// nothing is an interrupt.
func (k *keyboard) passwd(target string, typed ...string) (code int) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), 20*time.Second)
	defer cancel()
	var out bytes.Buffer
	cfg := Config{Stdin: k.tty, Stdout: &out, Stderr: k.tty, Now: func() time.Time { return now }, Getenv: func(string) string { return "" }}
	done := make(chan int, 1)
	go func() { done <- Main(ctx, cfg, []string{"--server", target, "user", "passwd", "root@pam"}) }()
	for _, line := range typed {
		k.await()
		if line == "" {
			cancel()
			break
		}
		if _, err := k.keys.WriteString(line + "\n"); err != nil {
			k.t.Fatal(err)
		}
	}
	return <-done
}

// A password is asked for twice and never shown.
func TestPasswordOnATerminal(t *testing.T) {
	target := serve(t, newFake().handler())
	k := openTerminal(t)
	if code := k.passwd(target, "correct horse", "correct house"); code != ExitError {
		t.Errorf("two that differ: exit %d", code)
	}
	if code := k.passwd(target, "correct horse", "correct horse"); code != ExitOK {
		t.Errorf("exit %d", code)
	}
	if got := run(t, target, "user show root@pam"); !strings.Contains(got, "password  set") {
		t.Error(got)
	}
	if code := k.passwd(target, ""); code != ExitError || !k.echoes() {
		t.Errorf("interrupted: exit %d, the terminal shows what is typed: %v", code, k.echoes())
	}
	shown := k.screen()
	if strings.Contains(shown, "correct") || !strings.Contains(shown, "New password of root@pam: ") {
		t.Errorf("shown was %q", shown)
	}
}
