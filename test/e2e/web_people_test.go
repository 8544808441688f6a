package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestWebPeople makes a tenant by forms: a user with a password, and a permission on one
// zone. The tenant logs in, sees this zone and no other, and changes their own password.
func TestWebPeople(t *testing.T) {
	c := newCluster(t, 1)
	c.apply("kind: zone\nid: green\ntype: simple\n---\nkind: zone\nid: secret\ntype: simple\n---\nkind: vnet\nid: gr1\nzone: green\n---\nkind: vnet\nid: se1\nzone: secret\n")
	c.user("root@pam", "a long password", "")
	b := c.newBrowser()
	b.login("root@pam", "a long password")

	b.open("/access/groups?new=1")
	b.fill("id", "tenants")
	b.press("Create group")
	b.shows("tenants")
	b.open("/access/users?new=1")
	b.fill("id", "tom")
	b.fill("password", "toms own password")
	b.do("choosing the group", chromedp.Click(`//label[contains(., "tenants")]`, chromedp.BySearch))
	b.press("Create user")
	b.shows("What tom@pve may do")

	b.open("/access/roles?new=1")
	b.fill("id", "Networker")
	b.do("choosing privileges", chromedp.Click(`//label[contains(., "SDN.Allocate")]`, chromedp.BySearch), chromedp.Click(`//label[contains(., "SDN.Audit")]`, chromedp.BySearch))
	b.press("Create role")
	b.shows("Networker")

	b.open("/access/permissions?new=1")
	b.fill("path", "/sdn/zones/green")
	b.do("choosing who", chromedp.SetValue("#f-type", "group"), chromedp.Evaluate(`document.querySelector("#f-type").dispatchEvent(new Event("change", {bubbles: true}))`, nil))
	for field, value := range map[string]string{"#f-subject": "tenants", "#f-role": "Networker"} {
		b.do("choosing "+value, chromedp.WaitVisible(field+` option[value="`+value+`"], `+field), chromedp.SetValue(field, value),
			chromedp.Evaluate(`document.querySelector("`+field+`").dispatchEvent(new Event("change", {bubbles: true}))`, nil))
	}
	b.shows("What the role allows")
	b.press("Give permission")
	b.shows("/sdn/zones/green")
	b.open("/access/users/tom%40pve")
	b.shows("SDN.Allocate: add, change and delete zones")

	tom := c.newBrowser()
	tom.login("tom@pve", "toms own password")
	tom.open("/zones")
	tom.shows("1 zone")
	tom.open("/vnets")
	tom.shows("gr1")
	var text string
	tom.do("reading the page", chromedp.Text("body", &text))
	if n := tom.count(`a[href="/vnets/se1"]`); n != 0 {
		t.Errorf("the tenant sees a VNet of another zone:\n%s", text)
	}
	tom.open("/access/users")
	tom.shows("1 user")
	if n := tom.count(`main a[href$="?new=1"]`); n != 0 {
		t.Errorf("the tenant is offered to add users")
	}
}
