package access

import (
	"iter"
	"math/bits"
	"slices"
	"strings"
)

// Privilege is the right to do one kind of thing, as Proxmox VE names it: "SDN.Audit". The
// code that serves an operation specifies the privilege for it.
type Privilege string

// The privileges that Viaduct's own operations require.
const (
	SDNAllocate       Privilege = "SDN.Allocate"
	SDNAudit          Privilege = "SDN.Audit"
	SDNUse            Privilege = "SDN.Use"
	SysAudit          Privilege = "Sys.Audit"
	SysModify         Privilege = "Sys.Modify"
	SysConsole        Privilege = "Sys.Console"
	SysSyslog         Privilege = "Sys.Syslog"
	SysPowerMgmt      Privilege = "Sys.PowerMgmt"
	PermissionsModify Privilege = "Permissions.Modify"
	UserModify        Privilege = "User.Modify"
	GroupAllocate     Privilege = "Group.Allocate"
	RealmAllocate     Privilege = "Realm.Allocate"
	RealmAllocateUser Privilege = "Realm.AllocateUser"
)

// family has the privileges of one part of the system, and the roles that get them: only
// Administrator those of root, an admin role all of admin, user and audit, a user role
// user and audit, PVEAuditor only audit.
type family struct {
	name                     string
	root, admin, user, audit string
}

// families are all existing privileges. Most belong to parts that Viaduct does not have:
// roles that name them are kept and returned, so that one set of roles serves both
// systems.
var families = []family{
	{"VM", "", "VM.Allocate VM.Clone VM.Config.CPU VM.Config.Disk VM.Config.HWType VM.Config.Memory VM.Config.Network " +
		"VM.Config.Options VM.GuestAgent.FileRead VM.GuestAgent.FileSystemMgmt VM.GuestAgent.FileWrite VM.GuestAgent.Unrestricted " +
		"VM.Migrate VM.Monitor VM.Replicate VM.Snapshot VM.Snapshot.Rollback",
		"VM.Backup VM.Config.CDROM VM.Config.Cloudinit VM.Console VM.PowerMgmt", "VM.Audit VM.GuestAgent.Audit"},
	{"Sys", "Permissions.Modify Sys.AccessNetwork Sys.Incoming Sys.Modify Sys.PowerMgmt", "Sys.Console Sys.Syslog", "", "Sys.Audit"},
	{"Datastore", "", "Datastore.Allocate Datastore.AllocateTemplate", "Datastore.AllocateSpace", "Datastore.Audit"},
	{"SDN", "", "SDN.Allocate", "SDN.Use", "SDN.Audit"},
	{"User", "Realm.Allocate", "Group.Allocate Realm.AllocateUser User.Modify", "", ""},
	{"Pool", "", "Pool.Allocate", "", "Pool.Audit"},
	{"Mapping", "", "Mapping.Modify", "Mapping.Use", "Mapping.Audit"},
}

// privileges are all names, sorted; the index of a privilege is its bit in a set.
var privileges = func() []Privilege {
	var all []Privilege
	for _, f := range families {
		for name := range strings.FieldsSeq(f.root + " " + f.admin + " " + f.user + " " + f.audit) {
			all = append(all, Privilege(name))
		}
	}
	slices.Sort(all)
	return all
}()

var bitOf = func() map[Privilege]set {
	m := make(map[Privilege]set, len(privileges))
	for i, p := range privileges {
		m[p] = 1 << i
	}
	return m
}()

// Privileges returns all existing privileges, sorted.
func Privileges() []Privilege { return slices.Clone(privileges) }

// allows says what the privileges that Viaduct's own operations require are for.
var allows = map[Privilege]string{
	SDNAllocate:                    "add, change and delete zones, VNets, subnets, controllers, fabrics and firewalls; apply and roll back with it on /sdn",
	SDNAudit:                       "see zones, VNets, subnets, controllers, fabrics, firewalls, addresses and plans",
	SDNUse:                         "connect guests to VNets, and refer to controllers, fabrics, bridges, IPAM and DNS systems",
	SysAudit:                       "see nodes with their state; on /access users and permissions, on / the audit",
	SysModify:                      "change nodes; on / let nodes join and revoke certificates, on /access change roles",
	SysConsole:                     "in the Proxmox API: see the state of nodes",
	SysSyslog:                      "in the Proxmox API: see the tasks of others",
	PermissionsModify:              "give and take permissions on the path",
	UserModify:                     "add, change and delete users, their passwords and tokens, with it on /access",
	GroupAllocate:                  "add and delete groups, with it on /access/groups",
	Privilege("VM.Audit"):          "see guests with their NICs",
	Privilege("VM.Config.Network"): "change the NICs of guests",
}

// Allows says what a privilege is for; it is empty for one that no operation of Viaduct
// requires, and that roles keep for Proxmox VE.
func (p Privilege) Allows() string { return allows[p] }

// set is a set of privileges.
type set uint64

// everything is all privileges.
var everything = setOf(privileges...)

// setOf makes a set; it ignores names that do not exist.
func setOf(list ...Privilege) set {
	var s set
	for _, p := range list {
		s |= bitOf[p]
	}
	return s
}

// named makes a set of names separated by spaces.
func named(names string) set {
	var s set
	for name := range strings.FieldsSeq(names) {
		s |= bitOf[Privilege(name)]
	}
	return s
}

// all gives the privileges of a set, sorted.
func (s set) all() iter.Seq[Privilege] {
	return func(yield func(Privilege) bool) {
		for rest := s; rest != 0; rest &= rest - 1 {
			if !yield(privileges[bits.TrailingZeros64(uint64(rest))]) {
				return
			}
		}
	}
}
