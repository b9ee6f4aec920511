package web

// deliveryRoutes registers webhooks and other desks; there are none yet.
func (s *Server) deliveryRoutes(groups) {}
