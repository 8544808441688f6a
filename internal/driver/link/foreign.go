package link

import (
	"errors"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

// checkForeign returns an error if an address cannot be added to a link that
// Viaduct does not own.
func checkForeign(st *state, a desired.Address, reserved func(string) bool) error {
	l := st.byName[a.Link]
	switch {
	case l == nil:
		return msgAddressInterfaceMissing.Failure(a.Prefix, a.Link)
	case reserved(a.Link):
		return msgAddressInterfaceReserved.Failure(a.Prefix, a.Link, errReserved)
	case l.owned() || l.doomed():
		return msgAddressInterfaceReserved.Failure(a.Prefix, a.Link, errors.New("it is one of Viaduct's own; name the interface that leads to the other nodes"))
	}
	return nil
}

// collectForeign keeps a feasible address; other links of the same object are
// independent of it.
func (w *wanted) collectForeign(st *state, a desired.Address, reserved func(string) bool) {
	if err := checkForeign(st, a, reserved); err != nil {
		w.errs = append(w.errs, &driver.ObjectError{Owner: a.Owner, Err: err})
		return
	}
	w.foreign = append(w.foreign, a)
}

// setForeignAddresses keeps the owned addresses on links that Viaduct does not own:
// the kernel records their protocol (since 5.18). Without that record, only wanted
// addresses are known to be owned, so none is ever removed.
func (st *state) setForeignAddresses(addrs []rtnl.Address, want *desired.Space) {
	wanted := map[string]map[string]bool{}
	for _, a := range want.Addresses {
		if a.Foreign {
			if wanted[a.Link] == nil {
				wanted[a.Link] = map[string]bool{}
			}
			wanted[a.Link][a.Prefix.String()] = true
		}
	}
	for _, a := range addrs {
		l := st.byIdx[a.Index]
		if l == nil || l.owned() || l.doomed() {
			continue
		}
		if a.Proto == AddressProtocol || wanted[l.Name][a.Prefix.String()] {
			l.addresses = append(l.addresses, a)
		}
	}
}

// compareForeignAddresses finds the addresses to add to links that Viaduct does not
// own, and those to remove from them.
func (p *planner) compareForeignAddresses() {
	var old []diff.Item[rtnl.Address]
	for _, l := range p.st.links {
		if l.owned() || l.doomed() || p.reserved(l.Name) {
			continue
		}
		for _, a := range l.addresses {
			e := desired.AddressEntry(desired.Address{Link: l.Name, Foreign: true, Prefix: a.Prefix})
			e.Unowned = true
			old = append(old, diff.Item[rtnl.Address]{Entry: e, Value: a})
		}
	}
	var wanted []diff.Item[desired.Address]
	for _, a := range p.want.foreign {
		wanted = append(wanted, diff.Item[desired.Address]{Entry: desired.AddressEntry(a), Value: a})
	}
	diff.Each(desired.TypeAddress, old, wanted, func(c diff.Change, a *rtnl.Address, w *desired.Address) {
		s := step{change: p.change(c)}
		if w != nil {
			s.op, s.owner, s.link, s.index, s.prefix = opAddAddress, w.Owner, w.Link, p.st.byName[w.Link].Index, w.Prefix
		} else {
			s.op, s.link, s.index, s.prefix = opDelAddress, p.st.byIdx[a.Index].Name, a.Index, a.Prefix
		}
		p.steps = append(p.steps, s)
	})
}
