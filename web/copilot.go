package web

// copilotRoutes registers the help with writing; there is none yet.
func (s *Server) copilotRoutes(groups) {}
