package main

import "github.com/coreos/go-systemd/v22/daemon"

// notifyReady notifies systemd that the service is ready (sd_notify(3)). Without
// systemd it does nothing.
func notifyReady() { _, _ = daemon.SdNotify(false, daemon.SdNotifyReady) }

// notifyAlive notifies systemd's watchdog that the service is alive.
func notifyAlive() { _, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog) }
