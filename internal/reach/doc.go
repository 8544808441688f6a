// Package reach computes whether one guest can reach another guest or an address, and what
// decides: it follows a packet through the compiled state of the nodes that it crosses.
//
// It derives no rule a second time. The filters that it applies to the packet are the
// nftables tables that package compile writes and a node loads, read rule by rule. What it
// cannot know it reports as unknown: networks behind a node, and what guests do. It is pure,
// like compile.
package reach
