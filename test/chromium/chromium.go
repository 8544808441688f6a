// Package chromium starts the browser that shows the web interface in tests and benchmarks:
// without a window, without the network, and with a server's own certificate.
package chromium

import (
	"context"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// startTimeout bounds the start of the browser, on a busy machine.
const startTimeout = time.Minute

// Open starts a browser of 1440 by 900 pixels with an empty profile in a folder. The returned
// context is that of its page; shut ends the browser, before the folder can be removed.
func Open(ctx context.Context, profile string) (page context.Context, shut func() error, err error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-component-update", true), chromedp.WindowSize(1440, 900), chromedp.UserDataDir(profile), chromedp.WSURLReadTimeout(startTimeout))
	start, cancel := chromedp.NewExecAllocator(ctx, options...)
	page, closePage := chromedp.NewContext(start)
	shut = func() error {
		err := chromedp.Cancel(page)
		closePage()
		cancel()
		return err
	}
	// The context of the first run decides how long the browser lives.
	return page, shut, chromedp.Run(page)
}

// Login opens a server's web interface and logs a user in by password.
func Login(url, user, password string) chromedp.Action {
	return chromedp.Tasks{
		chromedp.Navigate(url + "/"), chromedp.WaitVisible("input[name=user]"),
		chromedp.SendKeys("input[name=user]", user), chromedp.SendKeys("input[name=password]", password+kb.Enter), chromedp.WaitVisible("#navigation"),
	}
}

// Await evaluates an expression that is a promise, and stores what it gives.
func Await(js string, into any) chromedp.Action {
	return chromedp.Evaluate(js, into, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) })
}
