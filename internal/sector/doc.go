// Package sector derives objects from backplanes and sectors: it completes them with the
// tags and addresses that they leave open, and keeps their zones, VNets, subnets and the
// EVPN controller equal to them.
//
// It is an allocator of package revision: what it makes is stored in one transaction with
// the edit of the backplane or the sector, or not at all, so nothing has to be cleaned up
// after a crash. Later stages see ordinary zones, VNets and subnets; of a sector they see
// only its gateway.
package sector
