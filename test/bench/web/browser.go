package main

import (
	"errors"

	"github.com/viaduct-sdn/viaduct/test/chromium"

	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/test/bench/process"
	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

// browser is a page of a browser without a window and without a GPU.
type browser struct {
	ctx    context.Context
	close  func() error
	url    string
	bundle float64 // bytes that the first page loads of the bundle, as they are sent
}

// open starts a browser.
func open(ctx context.Context, url string) (*browser, error) {
	data, err := os.MkdirTemp("", "viaduct-bench-browser-")
	if err != nil {
		return nil, err
	}
	page, shut, err := chromium.Open(ctx, data)
	b := &browser{ctx: page, url: url, close: func() error { return errors.Join(shut(), os.RemoveAll(data)) }}
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *browser) login(user, password string) error {
	var mu sync.Mutex
	own := map[network.RequestID]bool{}
	chromedp.ListenTarget(b.ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *network.EventResponseReceived:
			own[e.RequestID] = !strings.HasPrefix(strings.TrimPrefix(e.Response.URL, b.url), "/api")
		case *network.EventLoadingFinished:
			if own[e.RequestID] {
				b.bundle += e.EncodedDataLength
			}
		}
	})
	return chromedp.Run(b.ctx, network.Enable(), chromium.Login(b.url, user, password), network.Disable())
}

// watch notes in the page when what a selector finds was painted, in milliseconds since
// its navigation began.
const watch = `(() => {
	const look = () => {
		if (!document.querySelector(%q)) return requestAnimationFrame(look);
		requestAnimationFrame(() => { window.paintedAt = performance.now(); });
	};
	look();
})()`

// visits is the median of how long it takes until a page shows what a selector finds, with
// an empty cache.
func (b *browser) visits(path, selector string) (float64, error) {
	var took []float64
	for range visits {
		var script page.ScriptIdentifier
		var at float64
		err := chromedp.Run(b.ctx, network.Enable(), network.ClearBrowserCache(), network.Disable(), chromedp.Navigate("about:blank"),
			chromedp.ActionFunc(func(ctx context.Context) (err error) {
				script, err = page.AddScriptToEvaluateOnNewDocument(fmt.Sprintf(watch, selector)).Do(ctx)
				return err
			}),
			chromedp.Navigate(b.url+path), chromedp.Poll("window.paintedAt", &at, chromedp.WithPollingTimeout(time.Minute)),
			chromedp.ActionFunc(func(ctx context.Context) error { return page.RemoveScriptToEvaluateOnNewDocument(script).Do(ctx) }))
		if err != nil {
			return 0, fmt.Errorf("visiting %s: %w", path, err)
		}
		took = append(took, at/1000)
	}
	return report.Median(took), nil
}

// scrolling goes through the list by its own height in four seconds, and notes tasks of
// the page of more than 50 ms (W3C Long Tasks) and the frames.
const scrolling = `(async () => {
	const table = document.querySelector(".table");
	let task = 0, frames = 0;
	const observer = new PerformanceObserver(list => list.getEntries().forEach(e => { task = Math.max(task, e.duration); }));
	observer.observe({type: "longtask"});
	const start = performance.now(), lasts = 4000;
	for (;;) {
		const now = await new Promise(requestAnimationFrame);
		frames++;
		const share = Math.min(1, (now - start) / lasts);
		table.scrollTop = share * (table.scrollHeight - table.clientHeight);
		if (share === 1) break;
	}
	await new Promise(done => setTimeout(done, 200));
	const last = [...document.querySelectorAll("tbody tr[data-index]")].at(-1)?.dataset.index ?? "";
	observer.disconnect();
	return {Task: task, Rate: frames / lasts * 1000, Last: last};
})()`

// scrolled is what scrolling through a list gave: the longest task in milliseconds, frames
// in a second, and the last row in sight.
type scrolled struct {
	Task, Rate float64
	Last       string
}

// scroll goes through the list that is open.
func (b *browser) scroll() (scrolled, error) {
	var out scrolled
	err := chromedp.Run(b.ctx, chromium.Await(scrolling, &out))
	if err == nil && out.Last != fmt.Sprint(vnets-1) {
		err = fmt.Errorf("scrolled to row %q instead of %d", out.Last, vnets-1)
	}
	return out, err
}

// painted waits until a text is in the panel of the object, and returns when it was
// painted, in milliseconds since 1970.
const painted = `new Promise(done => {
	const look = () => document.querySelector("aside")?.innerText.includes(%q) ? requestAnimationFrame(() => done(Date.now())) : requestAnimationFrame(look);
	look();
})`

// events is the median of how long it takes until an edit of another client is shown.
func (b *browser) events(ctx context.Context, s *process.Server) (float64, error) {
	if err := chromedp.Run(b.ctx, chromedp.Navigate(b.url+"/vnets/v0"), chromedp.WaitVisible("aside h2")); err != nil {
		return 0, err
	}
	var took []float64
	for i := range edits {
		alias := fmt.Sprintf("edit %d", i)
		var at float64
		shown := make(chan error, 1)
		go func() {
			shown <- chromedp.Run(b.ctx, chromium.Await(fmt.Sprintf(painted, alias), &at))
		}()
		time.Sleep(200 * time.Millisecond) // the last edit is over for all
		start := time.Now()
		if _, err := s.Client.Edit(ctx, []api.Edit{{Put: vnet(0, alias)}}, false); err != nil {
			return 0, err
		}
		if err := <-shown; err != nil {
			return 0, fmt.Errorf("waiting for %q: %w", alias, err)
		}
		took = append(took, at/1000-float64(start.UnixMicro())/1e6)
	}
	return report.Median(took), nil
}
