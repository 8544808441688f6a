package main

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
)

// A port in use is an error that names the process, and another address.
func TestListenOnTakenPort(t *testing.T) {
	for _, host := range []string{"127.0.0.1", ""} {
		l, err := net.Listen("tcp", host+":0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		port := l.Addr().(*net.TCPAddr).Port
		addr := net.JoinHostPort("127.0.0.1", fmt.Sprint(port))
		_, err = listen([]string{addr})
		if err == nil {
			t.Fatalf("%s was opened twice", addr)
		}
		for _, want := range []string{
			"cannot listen on " + addr, fmt.Sprintf("port %d of this host is already in use by", port), fmt.Sprintf("(process %d", os.Getpid()),
			fmt.Sprintf("127.0.0.1:%d", port+100), "--listen", "VIADUCT_LISTEN in /etc/default/viaduct-server",
		} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q lacks %q", err, want)
			}
		}
	}
}

// What is opened before an address that cannot be is closed again.
func TestListenOnWrongAddress(t *testing.T) {
	good := freeAddress(t)
	for addr, want := range map[string]string{
		"8106": "like 192.0.2.1:8006, or :8006", "192.0.2.1:8106": "this host does not have the address", "127.0.0.1:99999": "invalid port",
	} {
		if _, err := listen([]string{good, addr}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", addr, err)
		}
	}
	ls, err := listen([]string{good})
	if err != nil {
		t.Fatal(err)
	}
	if err := closeAll(ls); err != nil {
		t.Error(err)
	}
}

// The environment has the addresses unless the command line does.
func TestListenAsEnvironment(t *testing.T) {
	for _, c := range []struct {
		env, service string
		args         []string
		want         []string
	}{
		{"", "", nil, []string{defaultListen}},
		{"", ":8006", nil, []string{":8006"}},
		{" , ", ":8006", nil, []string{":8006"}},
		{":8106", ":8006", nil, []string{":8106"}},
		{":8106", "", nil, []string{":8106"}},
		{" 192.0.2.1:8006 , [2001:db8::1]:8006,", "", nil, []string{"192.0.2.1:8006", "[2001:db8::1]:8006"}},
		{":8106", ":8006", []string{"--listen", "127.0.0.1:1"}, []string{"127.0.0.1:1"}},
	} {
		t.Setenv(listenVariable, c.env)
		t.Setenv(defaultVariable, c.service)
		cmd, f := serverCommand(), &serverFlags{}
		cmd.ResetFlags()
		f.register(cmd)
		if err := cmd.ParseFlags(c.args); err != nil {
			t.Fatal(err)
		}
		if f.listenAsEnvironment(cmd); !slices.Equal(f.listen, c.want) {
			t.Errorf("%s=%q and %v: %v, want %v", listenVariable, c.env, c.args, f.listen, c.want)
		}
	}
}
