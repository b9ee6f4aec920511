package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/oauth2"

	"github.com/firstline/firstline/internal/fault"
)

// OIDCConfig names a company's OpenID provider.
type OIDCConfig struct {
	Issuer       string // its address, as its tokens name it
	ClientID     string
	ClientSecret string
	Name         string // what the button says
	BaseURL      string // address of this server; /signin/oidc/callback below it must be known to the provider
}

// OIDC signs people in through an OpenID provider, by the authorization code flow with PKCE (RFC 7636, S256). Only people
// whom an admin has added get in; the first time they are known by their verified e-mail address, from then on by the
// provider's subject.
type OIDC struct {
	store  *Store
	cfg    OIDCConfig
	client *http.Client

	mu       sync.Mutex
	provider *oidc.Provider
}

// loginFor is how long somebody may take at the provider.
const loginFor = 10 * time.Minute

// providerPatience bounds each request to the provider.
const providerPatience = 10 * time.Second

// NewOIDC returns the flow for a provider. The provider is asked for its addresses at the first sign-in: one that is down
// does not keep this server from starting.
func NewOIDC(store *Store, cfg OIDCConfig) *OIDC {
	return &OIDC{store: store, cfg: cfg, client: &http.Client{Timeout: providerPatience}}
}

// Name is what the button says.
func (o *OIDC) Name() string { return o.cfg.Name }

// discover returns the provider, asking for its addresses until that has worked once.
func (o *OIDC) discover(ctx context.Context) (*oidc.Provider, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.provider != nil {
		return o.provider, nil
	}
	// The provider's keys are fetched later with this client, so its context must outlive the request.
	p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), o.client), o.cfg.Issuer)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "no_provider", "Single sign-on does not answer right now. Please try again, or sign in another way.")
	}
	o.provider = p
	return p, nil
}

func (o *OIDC) oauth(p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{ClientID: o.cfg.ClientID, ClientSecret: o.cfg.ClientSecret, Endpoint: p.Endpoint(),
		RedirectURL: strings.TrimSuffix(o.cfg.BaseURL, "/") + "/signin/oidc/callback", Scopes: []string{oidc.ScopeOpenID, "email", "profile"}}
}

// Begin returns where to send the browser, and the state that the browser must bring back in a cookie of its own: without
// that, somebody could be signed in as somebody else by a link.
func (o *OIDC) Begin(ctx context.Context, goTo string) (to, state string, err error) {
	p, err := o.discover(ctx)
	if err != nil {
		return "", "", err
	}
	if state, err = newSecret(); err != nil {
		return "", "", err
	}
	nonce, err := newSecret()
	if err != nil {
		return "", "", err
	}
	verifier := oauth2.GenerateVerifier()
	_, err = o.store.pool.Exec(ctx, `INSERT INTO oidc_logins (state, nonce, verifier, go_to, expires_at) VALUES ($1, $2, $3, $4, now() + $5 * interval '1 second')`,
		hash(state), nonce, verifier, goTo, loginFor.Seconds())
	if err != nil {
		return "", "", err
	}
	return o.oauth(p).AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)), state, nil
}

// The refusals of a sign-in through a provider.
var (
	errLoginOver = fault.New(fault.Unauthenticated, "login_over", "This sign-in took too long, was used already, or began in another browser. Please begin again.")
	errNoAccount = fault.New(fault.Forbidden, "no_account", "You are signed in with your company, but nobody has added you here. Ask an admin to add your e-mail address.")
	errBadToken  = fault.New(fault.Unauthenticated, "bad_id_token", "What single sign-on answered cannot be trusted. Please begin again.")
)

// Finish ends the flow: query is what the provider sent the browser back with, cookie the state that the browser kept. It
// returns a session's secret and where to go.
func (o *OIDC) Finish(ctx context.Context, query url.Values, cookie string, d Device) (a Agent, session, goTo string, err error) {
	state := query.Get("state")
	if state == "" || subtle.ConstantTimeCompare([]byte(state), []byte(cookie)) != 1 {
		return a, "", "", errLoginOver
	}
	var nonce, verifier string
	err = o.store.pool.QueryRow(ctx, `DELETE FROM oidc_logins WHERE state = $1 RETURNING CASE WHEN expires_at > now() THEN nonce ELSE '' END, verifier, go_to`, hash(state)).
		Scan(&nonce, &verifier, &goTo)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && nonce == "" {
		return a, "", "", errLoginOver
	}
	if err != nil {
		return a, "", "", err
	}
	if iss := query.Get("iss"); iss != "" && iss != o.cfg.Issuer { // RFC 9207
		return a, "", goTo, errBadToken
	}
	if query.Get("error") != "" {
		return a, "", goTo, fault.New(fault.Unauthenticated, "refused_by_provider", "Single sign-on did not let you in. Please begin again, or sign in another way.")
	}
	p, err := o.discover(ctx)
	if err != nil {
		return a, "", goTo, err
	}
	who, err := o.claims(ctx, p, query.Get("code"), verifier, nonce)
	if err != nil {
		return a, "", goTo, err
	}
	err = pgx.BeginFunc(ctx, o.store.pool, func(tx pgx.Tx) error {
		id, err := o.store.identify(ctx, tx, o.cfg.Issuer, who)
		if err != nil {
			return err
		}
		session, err = o.store.begin(ctx, tx, id, ByOIDC, d)
		if err == nil {
			a.ID = id
		}
		return err
	})
	if err != nil {
		return a, "", goTo, err
	}
	a, err = o.store.find(ctx, `a.id = $1`, a.ID)
	return a, session, goTo, err
}

// claims is what an ID token says about its subject.
type claims struct {
	Subject  string
	Email    string `json:"email"`
	Verified bool   `json:"email_verified"`
}

// claims exchanges the code for an ID token and checks its signature, issuer, audience, time and nonce.
func (o *OIDC) claims(ctx context.Context, p *oidc.Provider, code, verifier, nonce string) (claims, error) {
	var who claims
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, o.client), 2*providerPatience)
	defer cancel()
	cfg := o.oauth(p)
	token, err := cfg.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.Response.StatusCode < 500:
		// The error's text holds what the provider wrote, which is not for the log: only its code is kept.
		return who, fault.Wrap(fmt.Errorf("auth: the provider refused the code: %.40q", refused.ErrorCode), fault.Unauthenticated, "code_refused", errBadToken.Public)
	case err != nil:
		return who, fault.Wrap(err, fault.Unavailable, "no_provider", "Single sign-on does not answer right now. Please try again, or sign in another way.")
	}
	raw, _ := token.Extra("id_token").(string)
	checked, err := p.Verifier(&oidc.Config{ClientID: o.cfg.ClientID}).Verify(ctx, raw)
	if err != nil {
		return who, fault.Wrap(err, fault.Unauthenticated, "bad_id_token", errBadToken.Public)
	}
	if subtle.ConstantTimeCompare([]byte(checked.Nonce), []byte(nonce)) != 1 {
		return who, errBadToken
	}
	if err := checked.Claims(&who); err != nil {
		return who, fault.Wrap(err, fault.Unauthenticated, "bad_id_token", errBadToken.Public)
	}
	who.Subject = checked.Subject
	if who.Email != "" {
		return who, nil
	}
	// Some providers tell the address only at their userinfo endpoint; it counts only for the same subject.
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err == nil && info.Subject == who.Subject {
		who.Email, who.Verified = info.Email, info.EmailVerified
	}
	return who, nil
}

// identify returns whose account the claims are: by subject, or the first time by the verified address. An address alone
// never opens the account of somebody who is tied to another subject of the same provider: addresses are given to the
// next person, subjects are not.
func (s *Store) identify(ctx context.Context, tx pgx.Tx, issuer string, who claims) (uuid.UUID, error) {
	var id uuid.UUID
	var disabled bool
	err := tx.QueryRow(ctx, `SELECT a.id, a.disabled_at IS NOT NULL FROM identities i JOIN agents a ON a.id = i.agent_id WHERE i.issuer = $1 AND i.subject = $2 FOR SHARE OF a`, issuer, who.Subject).Scan(&id, &disabled)
	if err == nil && disabled {
		return id, errNoAccount
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return id, err
	}
	if who.Email == "" || !who.Verified {
		return id, errNoAccount
	}
	// The person's row is locked, so that of two subjects that come at once only one is tied to it.
	err = tx.QueryRow(ctx, `SELECT a.id FROM agents a WHERE a.email = $1 AND a.disabled_at IS NULL AND `+IsPerson+` FOR UPDATE`, cleanEmail(who.Email)).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return id, errNoAccount
	}
	if err != nil {
		return id, err
	}
	tag, err := tx.Exec(ctx, `INSERT INTO identities (issuer, subject, agent_id) SELECT $1, $2, $3
		WHERE NOT EXISTS (SELECT FROM identities WHERE issuer = $1 AND agent_id = $3)`, issuer, who.Subject, id)
	if err != nil {
		return id, err
	}
	if tag.RowsAffected() == 0 {
		return id, errNoAccount
	}
	return id, audit(ctx, tx, id.String(), "identity_tied", id, map[string]any{"issuer": issuer})
}
