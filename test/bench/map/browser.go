package main

import (
	"github.com/viaduct-sdn/viaduct/test/chromium"

	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

// core is Cytoscape's own handle of the map on the page.
const core = `document.querySelector('.map-canvas')?._cyreg?.cy`

// least is how many shapes the whole picture has at least: the heads of the nodes, and the
// zones with their names. The guests of a zone on a node are drawn beside Cytoscape, when it
// renders.
const least = 2*nodes + 3*zones

// drawn becomes the time since the page was asked for, once the picture is drawn.
const drawn = `(() => new Promise((done) => {
	const look = () => {
		const cy = ` + core + `;
		if (!cy || cy.elements().length < %d) return requestAnimationFrame(look);
		cy.one('render', () => done(performance.now()));
		cy.forceRender();
	};
	look();
}))()`

// frames counts the frames that the map renders while something is done to it at every
// frame of the browser, for three seconds.
const frames = `(() => new Promise((done) => {
	const cy = ` + core + `, canvas = cy.container(), box = canvas.getBoundingClientRect();
	const x = box.left + box.width / 2, y = box.top + box.height / 2;
	const mouse = (type, dx, dy, more) => canvas.querySelector('canvas').dispatchEvent(
		new (type === 'wheel' ? WheelEvent : MouseEvent)(type, { bubbles: true, cancelable: true, view: window, clientX: x + dx, clientY: y + dy, button: 0, buttons: 1, ...more }));
	let rendered = 0, step = 0;
	const count = () => rendered++;
	const act = (%s);
	act.begin?.();
	cy.on('render', count);
	const began = performance.now();
	const tick = () => {
		const now = performance.now();
		if (now - began > 3000) {
			cy.off('render', count);
			act.end?.();
			return done(rendered / ((now - began) / 1000));
		}
		act.tick(step++);
		requestAnimationFrame(tick);
	};
	requestAnimationFrame(tick);
}))()`

const (
	drag = `{ begin: () => mouse('mousedown', 0, 0), tick: (i) => mouse('mousemove', 200 * Math.sin(i / 20), 120 * Math.cos(i / 20)), end: () => mouse('mouseup', 0, 0) }`
	// The wheel stays between the whole picture and where a zone opens.
	wheel = `{ tick: (i) => mouse('wheel', 0, 0, { deltaY: Math.floor(i / 12) % 2 ? 24 : -24 }) }`
)

// expanded becomes how long it takes to open a zone.
const expanded = `(() => new Promise((done) => {
	const cy = ` + core + `, began = performance.now();
	cy.getElementById('zone/zone3').emit({ type: 'tap', position: { x: -1, y: -1 } });
	const look = () => {
		if (cy.getElementById('vnet/v3').empty()) return requestAnimationFrame(look);
		cy.one('render', () => done((performance.now() - began) / 1000));
		cy.forceRender();
	};
	look();
}))()`

// look measures in a browser.
func look(ctx context.Context, url, shots string) (rows []report.Row, err error) {
	profile, err := os.MkdirTemp("", "viaduct-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(profile)) }()
	page, shut, err := chromium.Open(ctx, profile)
	defer func() { err = errors.Join(err, shut()) }()
	if err != nil {
		return nil, err
	}
	if err := chromedp.Run(page, chromium.Login(url, "root@pam", password)); err != nil {
		return nil, fmt.Errorf("logging in: %w", err)
	}
	var paints []float64
	for range 5 {
		var took float64
		if err := chromedp.Run(page, chromedp.Navigate(url+"/map"), chromium.Await(fmt.Sprintf(drawn, least), &took)); err != nil {
			return nil, fmt.Errorf("opening the map: %w", err)
		}
		paints = append(paints, took/1000)
	}
	rows = append(rows, row("map/paint", report.Median(paints)))
	if err := shoot(page, shots, "map-large.png"); err != nil {
		return nil, err
	}
	for _, m := range []struct{ name, act string }{{"map/move", drag}, {"map/zoom", wheel}} {
		var rate float64
		if err := chromedp.Run(page, chromium.Await(fmt.Sprintf(frames, m.act), &rate)); err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		rows = append(rows, row(m.name, 1/rate))
	}
	var took float64
	if err := chromedp.Run(page, chromium.Await(expanded, &took)); err != nil {
		return nil, fmt.Errorf("opening a zone: %w", err)
	}
	return append(rows, row("map/expand", took)), shoot(page, shots, "map-large-zone.png")
}

// shoot takes a screenshot.
func shoot(page context.Context, folder, name string) error {
	if folder == "" {
		return nil
	}
	var png []byte
	if err := chromedp.Run(page, chromedp.Sleep(time.Second), chromedp.CaptureScreenshot(&png)); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, name), png, 0o600)
}
