package main

import (
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/llm"
	"github.com/firstline/firstline/internal/mail"
)

// Config is everything that can be set, by flag or environment.
type Config struct {
	DatabaseURL string `env:"DATABASE_URL" help:"PostgreSQL 15 or newer with pgvector. Without it a private cluster is kept under --data." placeholder:"URL"`
	Data        string `env:"FIRSTLINE_DATA" default:"./data" help:"Folder of the private cluster." placeholder:"DIR"`
	MaxConns    int    `env:"FIRSTLINE_MAX_CONNS" default:"24" help:"Connections to PostgreSQL."`
	LogLevel    string `env:"FIRSTLINE_LOG" default:"auto" enum:"auto,debug,info,warn,error" help:"Log level: ${enum}; auto is info for serve and warn for commands. Message text is never logged."`
	LogJSON     bool   `env:"FIRSTLINE_LOG_JSON" help:"Log as JSON."`

	OpenAIKey           string        `env:"OPENAI_API_KEY" name:"openai-key" help:"Key of the model provider. No key and no base URL: answers are quoted." placeholder:"KEY"`
	OpenAIBaseURL       string        `env:"OPENAI_BASE_URL" name:"openai-base-url" help:"Any OpenAI-compatible API." placeholder:"URL"`
	ChatModel           string        `env:"FIRSTLINE_CHAT_MODEL" help:"Model that writes answers."`
	FallbackModel       string        `env:"FIRSTLINE_FALLBACK_MODEL" help:"Model that is asked when the first one fails."`
	EmbeddingModel      string        `env:"FIRSTLINE_EMBEDDING_MODEL" help:"Model that embeds; without it the built-in embedder."`
	EmbeddingDimensions int           `env:"FIRSTLINE_EMBEDDING_DIMENSIONS" help:"Length of its vectors; asked once when not given."`
	FirstToken          time.Duration `env:"FIRSTLINE_FIRST_TOKEN_TIMEOUT" default:"10s" help:"Patience for a model's first word."`
	PromptPrice         float64       `env:"FIRSTLINE_PROMPT_PRICE" help:"Price of a million prompt tokens, for the cost metrics."`
	CompletionPrice     float64       `env:"FIRSTLINE_COMPLETION_PRICE" help:"Price of a million completion tokens."`

	Settle time.Duration `env:"FIRSTLINE_SETTLE" default:"1200ms" help:"Wait for the rest of a message that looks unfinished, such as hi."`
	Off    bool          `env:"FIRSTLINE_ASSISTANT_OFF" name:"assistant-off" help:"Kill switch: every question goes to a person."`
	Lease  time.Duration `env:"FIRSTLINE_TURN_LEASE" default:"10s" help:"How long a turn of a killed replica waits before another finishes it."`
	Offer  time.Duration `env:"FIRSTLINE_OFFER_FOR" default:"20s" help:"How long an agent has to take an offer."`

	CustomerKey      string `env:"FIRSTLINE_CUSTOMER_KEY" help:"Key that checks who customers are (customer_token, a JWT of your backend): a JWK set, a public key in PEM, a shared secret of 32 characters or more, or @FILE with one of them." placeholder:"KEY"`
	IdentityConfig   `embed:""`
	FilesConfig      `embed:""`
	CustomerAudience string `env:"FIRSTLINE_CUSTOMER_AUDIENCE" help:"Audience that customer tokens must be meant for." placeholder:"AUD"`
	DeskLanguage     string `env:"FIRSTLINE_DESK_LANGUAGE" default:"en" enum:"en,de,es,sv,fr" help:"Language that agents read summaries in: ${enum}."`

	SMTP        string   `env:"FIRSTLINE_SMTP_URL" name:"smtp-url" help:"Mail server: smtp://user:password@host:587 (STARTTLS), smtps://...:465 (TLS) or smtp+plain://host:25 (neither). Without it no e-mail is sent." placeholder:"URL"`
	MailFrom    string   `env:"FIRSTLINE_MAIL_FROM" help:"Sender of e-mail, such as Larkpay support <support@larkpay.example>." placeholder:"ADDRESS"`
	ReplyDomain string   `env:"FIRSTLINE_REPLY_DOMAIN" help:"Domain of the addresses that e-mails name for replies; without it replies go to the sender." placeholder:"DOMAIN"`
	Allow       []string `env:"FIRSTLINE_DELIVERY_ALLOW" name:"delivery-allow" help:"Networks that webhooks and connections may reach although they are not public, such as 10.1.0.0/16, also without TLS." placeholder:"NET"`

	MailinConfig
	NotifyConfig

	Thresholds map[string]float64 `env:"FIRSTLINE_THRESHOLDS" help:"How sure an answer must be, by topic group, in place of the certificate's (without one: money=0.75;normal=0.67;howto=0.60)." mapsep:";"`

	OIDCIssuer string `env:"FIRSTLINE_OIDC_ISSUER" name:"oidc-issuer" help:"OpenID provider for single sign-on; FIRSTLINE_URL/signin/oidc/callback must be known to it." placeholder:"URL"`
	OIDCClient string `env:"FIRSTLINE_OIDC_CLIENT_ID" name:"oidc-client-id" help:"What the provider calls this server." placeholder:"ID"`
	OIDCSecret string `env:"FIRSTLINE_OIDC_CLIENT_SECRET" name:"oidc-client-secret" help:"Secret that the provider knows this server by; without one it is a public client." placeholder:"SECRET"`
	OIDCName   string `env:"FIRSTLINE_OIDC_NAME" name:"oidc-name" default:"single sign-on" help:"What the button says: Continue with ..."`

	Company string   `env:"FIRSTLINE_COMPANY" default:"Larkpay" help:"Name that customers read."`
	Markets []string `env:"FIRSTLINE_MARKETS" default:"gb:United Kingdom:en,us:United States:en+es,de:Deutschland:de+en,es:España:es+en,se:Sverige:sv+en" help:"Markets as code:name:locale+locale, separated by commas."`
}

func (c *Config) validate() error {
	for name, v := range map[string]string{"DATABASE_URL": c.DatabaseURL, "OPENAI_BASE_URL": c.OpenAIBaseURL, "FIRSTLINE_OIDC_ISSUER": c.OIDCIssuer} {
		if v == "" {
			continue
		}
		if u, err := url.Parse(v); (err != nil || u.Scheme == "") && !(name == "DATABASE_URL" && strings.Contains(v, "=")) {
			return fault.Field(name, "not_a_url", "This is not a URL.")
		}
	}
	if (c.OIDCIssuer == "") != (c.OIDCClient == "") {
		return fault.Field("FIRSTLINE_OIDC_CLIENT_ID", "required", "Single sign-on needs both FIRSTLINE_OIDC_ISSUER and FIRSTLINE_OIDC_CLIENT_ID.")
	}
	for _, text := range c.Allow {
		if _, err := netip.ParsePrefix(text); err != nil {
			return fault.Field("FIRSTLINE_DELIVERY_ALLOW", "not_a_network", "Use networks such as 10.1.0.0/16 or fd00:1::/32; %q is none.", text)
		}
	}
	if _, err := mail.New(mail.Config{URL: c.SMTP, From: c.MailFrom}); err != nil {
		return err
	}
	if err := c.MailinConfig.validate(c); err != nil {
		return err
	}
	if err := c.NotifyConfig.validate(); err != nil {
		return err
	}
	if c.MaxConns < 4 {
		return fault.Field("FIRSTLINE_MAX_CONNS", "too_few", "At least 4 connections are needed.")
	}
	if c.Lease < 100*time.Millisecond {
		return fault.Field("FIRSTLINE_TURN_LEASE", "too_short", "A lease of less than 100ms would be taken over while its turn still runs.")
	}
	for group, p := range c.Thresholds {
		if !slices.Contains([]string{"money", "normal", "howto"}, group) || p < 0 || p > 1 {
			return fault.Field("FIRSTLINE_THRESHOLDS", "malformed", "Use money, normal and howto with numbers from 0 to 1, such as money=0.8;normal=0.7.")
		}
	}
	if (c.ChatModel != "" || c.EmbeddingModel != "") && c.OpenAIKey == "" && c.OpenAIBaseURL == "" {
		return fault.Field("OPENAI_API_KEY", "required", "A model is named but no provider: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs no key.")
	}
	if err := c.IdentityConfig.validate(); err != nil {
		return err
	}
	for _, m := range c.Markets {
		if parts := strings.Split(m, ":"); len(parts) != 3 || parts[0] == "" || parts[2] == "" {
			return fault.Field("FIRSTLINE_MARKETS", "malformed", "%q is not of the form code:name:locale+locale.", m)
		}
	}
	return nil
}

// chatModel is the model used when a provider is set and none is named.
const defaultChatModel = "gpt-4o-mini"

// deliveryAllow are the networks that may be reached although they are not public.
func (c *Config) deliveryAllow() []netip.Prefix {
	var out []netip.Prefix
	for _, text := range c.Allow {
		p, _ := netip.ParsePrefix(text) // validate has looked at it
		out = append(out, p.Masked())
	}
	return out
}

func (c *Config) llm() llm.Config {
	model := c.ChatModel
	if model == "" && (c.OpenAIKey != "" || c.OpenAIBaseURL != "") {
		model = defaultChatModel
	}
	return llm.Config{
		BaseURL: c.OpenAIBaseURL, APIKey: c.OpenAIKey, ChatModel: model, FallbackModel: c.FallbackModel, EmbeddingModel: c.EmbeddingModel,
		EmbeddingDimensions: c.EmbeddingDimensions, FirstTokenTimeout: c.FirstToken, PromptPrice: c.PromptPrice, CompletionPrice: c.CompletionPrice,
	}
}

func (c *Config) logger(e *env) *slog.Logger {
	var level slog.Level
	switch {
	case c.LogLevel != "auto":
		_ = level.UnmarshalText([]byte(c.LogLevel)) // kong checked it
	case !e.serving:
		level = slog.LevelWarn
	}
	opts := &slog.HandlerOptions{Level: level}
	if c.LogJSON {
		return slog.New(slog.NewJSONHandler(e.err, opts))
	}
	return slog.New(slog.NewTextHandler(e.err, opts))
}
