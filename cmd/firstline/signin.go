package main

import (
	"github.com/firstline/firstline/internal/auth"
)

// oidc is single sign-on through the provider that is configured, or nil.
func (a *app) oidc(base string) *auth.OIDC {
	if a.cfg.OIDCIssuer == "" {
		return nil
	}
	return auth.NewOIDC(a.auth, auth.OIDCConfig{Issuer: a.cfg.OIDCIssuer, ClientID: a.cfg.OIDCClient, ClientSecret: a.cfg.OIDCSecret, Name: a.cfg.OIDCName, BaseURL: base})
}
