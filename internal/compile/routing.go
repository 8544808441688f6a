package compile

// routing compiles what FRR must do on the node.
func (n *node) routing() {}
