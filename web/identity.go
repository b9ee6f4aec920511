package web

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/mail"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/customer"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/mask"
)

// Identity checks the tokens by which the company's own backend says who a customer is. A key decides on the algorithm, and
// never the token: a public key that everyone has cannot be used as a shared secret.
type Identity struct {
	audience string
	file     string // where the keys are read again; "" for keys that were given themselves
	once     bool   // every token counts once, also one without a jti
	log      *slog.Logger

	mu   sync.Mutex
	keys []identityKey
	read time.Time // when the file was read last
}

// Once has every token count once; otherwise only those do that have a jti.
func (i *Identity) Once(all bool) *Identity { i.once = all; return i }

// LogTo says where it is told that a file of keys cannot be read any more.
func (i *Identity) LogTo(log *slog.Logger) *Identity { i.log = log; return i }

// Keys in a file are read again while the program runs, so that one can be added, and later the former taken away, without
// a restart; sooner for a token whose key is not known.
const (
	rereadKeys        = 10 * time.Second
	rereadUnknownKeys = time.Second
)

// current returns the keys, those of the file as it is now. One that cannot be used leaves the former ones in force.
func (i *Identity) current(patience time.Duration) []identityKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.file == "" || time.Since(i.read) < patience {
		return i.keys
	}
	i.read = time.Now()
	fresh, err := NewIdentity("@"+i.file, i.audience)
	if err != nil {
		if i.log != nil {
			i.log.Error("the keys of customer tokens cannot be read again; the former ones stay in force", "error", err)
		}
		return i.keys
	}
	i.keys = fresh.keys
	return i.keys
}

type identityKey struct {
	id     string // kid; "" for a key that was given without one
	method string
	key    any // []byte, *rsa.PublicKey or *ecdsa.PublicKey
}

// minSecret is the shortest shared secret, in bytes: that of the hash, as RFC 7518 asks.
const minSecret = 32

// minRSA is the smallest RSA key, in bits, as RFC 7518 asks.
const minRSA = 2048

// NewIdentity reads the keys: a JWK set, a public key or certificate in PEM, or a shared secret; or @ and the path of a file
// with one of them. With an audience, tokens must be meant for it.
func NewIdentity(keys, audience string) (*Identity, error) {
	bad := func(format string, args ...any) (*Identity, error) {
		return nil, fault.Field("FIRSTLINE_CUSTOMER_KEY", "bad_key", format, args...)
	}
	i := &Identity{audience: audience, read: time.Now()}
	if file, ok := strings.CutPrefix(keys, "@"); ok {
		i.file = file
		data, err := os.ReadFile(file)
		if err != nil {
			return bad("The file %s cannot be read.", file)
		}
		keys = string(data)
	}
	keys = strings.TrimSpace(keys)
	switch {
	case strings.HasPrefix(keys, "{"):
		if err := i.readSet(keys); err != nil {
			return bad("This is no usable JWK set: %v.", err)
		}
	case strings.HasPrefix(keys, "-----BEGIN"):
		for rest := []byte(keys); ; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			k, err := readPEM(block)
			if err != nil {
				return bad("This is no usable public key: %v.", err)
			}
			i.keys = append(i.keys, k)
		}
	case len(keys) < minSecret:
		return bad("A shared secret needs %d characters at least, such as those of: openssl rand -hex 32.", minSecret)
	default:
		i.keys = []identityKey{{method: jwt.SigningMethodHS256.Alg(), key: []byte(keys)}}
	}
	if len(i.keys) == 0 {
		return bad("There is no key in it.")
	}
	return i, nil
}

// readSet reads a JWK set (RFC 7517). Keys for other uses are passed over; private parts are refused, since they have no
// business here.
func (i *Identity) readSet(text string) error {
	var set struct {
		Keys []struct {
			Kty, Kid, Use, Alg, Crv string
			N, E, X, Y, K, D        string
		} `json:"keys"`
	}
	if err := json.Unmarshal([]byte(text), &set); err != nil {
		return errors.New("it is not JSON")
	}
	number := func(s string) *big.Int {
		b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
		if err != nil {
			return new(big.Int)
		}
		return new(big.Int).SetBytes(b)
	}
	for n, k := range set.Keys {
		if k.Use != "" && k.Use != "sig" {
			continue
		}
		if k.D != "" {
			return fmt.Errorf("key %d is a private one; give the public one only", n+1)
		}
		var made identityKey
		var err error
		switch k.Kty {
		case "oct":
			secret, decodes := base64.RawURLEncoding.DecodeString(strings.TrimRight(k.K, "="))
			if decodes != nil || len(secret) < minSecret {
				return fmt.Errorf("key %d is not a secret of %d bytes or more", n+1, minSecret)
			}
			made = identityKey{method: jwt.SigningMethodHS256.Alg(), key: secret}
		case "RSA":
			made, err = public(&rsa.PublicKey{N: number(k.N), E: int(number(k.E).Int64())})
		case "EC":
			if k.Crv != "P-256" {
				return fmt.Errorf("key %d is on the curve %s; ES256 needs P-256", n+1, k.Crv)
			}
			x, y := number(k.X), number(k.Y)
			if x.BitLen() > 256 || y.BitLen() > 256 {
				return fmt.Errorf("key %d is no point of P-256", n+1)
			}
			point := make([]byte, 65) // uncompressed, as in SEC 1, 2.3.3
			point[0] = 4
			x.FillBytes(point[1:33])
			y.FillBytes(point[33:])
			var key *ecdsa.PublicKey
			if key, err = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point); err == nil {
				made, err = public(key)
			}
		default:
			return fmt.Errorf("key %d has the type %q; use oct, RSA or EC", n+1, k.Kty)
		}
		if err != nil {
			return fmt.Errorf("key %d: %w", n+1, err)
		}
		if k.Alg != "" && k.Alg != made.method {
			return fmt.Errorf("key %d is for %s; use HS256, RS256 or ES256", n+1, k.Alg)
		}
		made.id = k.Kid
		for _, o := range i.keys {
			if o.id == made.id && o.method == made.method {
				return fmt.Errorf("key %d has the kid %q of another one", n+1, made.id)
			}
		}
		i.keys = append(i.keys, made)
	}
	return nil
}

func readPEM(block *pem.Block) (identityKey, error) {
	switch block.Type {
	case "CERTIFICATE":
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return identityKey{}, err
		}
		return public(c.PublicKey)
	case "PUBLIC KEY":
		k, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return identityKey{}, err
		}
		return public(k)
	}
	return identityKey{}, fmt.Errorf("a %s is not one; give the public key", strings.ToLower(block.Type))
}

// public tells which tokens a public key checks.
func public(key crypto.PublicKey) (identityKey, error) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < minRSA || k.E < 3 {
			return identityKey{}, fmt.Errorf("an RSA key needs %d bits at least", minRSA)
		}
		return identityKey{method: jwt.SigningMethodRS256.Alg(), key: k}, nil
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return identityKey{}, errors.New("ES256 needs the curve P-256")
		}
		if _, err := k.ECDH(); err != nil { // the point is not on the curve
			return identityKey{}, errors.New("it is not a point of P-256")
		}
		return identityKey{method: jwt.SigningMethodES256.Alg(), key: k}, nil
	}
	return identityKey{}, errors.New("use an RSA or P-256 key")
}

// identityClaims are what a token may say. What it says beside them is not kept.
type identityClaims struct {
	jwt.RegisteredClaims
	Name    string         `json:"name"`
	Email   string         `json:"email"`
	Account map[string]any `json:"account"`
}

// Bounds of what a token may say.
const (
	maxIdentityToken = 8 << 10
	maxSubject       = 200
	maxPersonField   = 200
	maxAccountFields = 40
	clockLeeway      = 30 * time.Second
	longestIdentity  = 24 * time.Hour // a token is needed once, when the chat begins; one that works for years is a password that leaks
)

// Verify returns the person whom a token names.
func (i *Identity) Verify(token string) (chat.Person, error) {
	v, err := i.Check(token)
	return v.Person, err
}

// Check returns the person whom a token names, and what makes it count once: its jti, and not its bytes, which can be
// written in more than one way without another signature.
func (i *Identity) Check(token string) (customer.Vouched, error) {
	v, err := i.check(token, i.current(rereadKeys))
	if err == nil || !errors.Is(err, errUnknownKey) {
		return v, err
	}
	return i.check(token, i.current(rereadUnknownKeys))
}

// errUnknownKey is the cause of a refusal that a newer key may undo.
var errUnknownKey = errors.New("no key fits")

func (i *Identity) check(token string, keys []identityKey) (customer.Vouched, error) {
	none := customer.Vouched{}
	bad := func(format string, args ...any) (customer.Vouched, error) {
		return none, fault.Field("customer_token", "bad_customer_token", format, args...)
	}
	if len(token) > maxIdentityToken {
		return bad("The token is longer than %d bytes.", maxIdentityToken)
	}
	var claims identityClaims
	options := []jwt.ParserOption{jwt.WithValidMethods(methods(keys)), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(clockLeeway)}
	if i.audience != "" {
		options = append(options, jwt.WithAudience(i.audience))
	}
	_, err := jwt.ParseWithClaims(token, &claims, func(t *jwt.Token) (any, error) { return keyFor(t, keys) }, options...)
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return bad("The token has expired; get a new one from your backend.")
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return bad("The token is meant for another audience.")
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return bad("The token lacks the claim exp, or aud, which this server asks for.")
	case err != nil: // what exactly is wrong helps only who forges
		f := fault.Field("customer_token", "bad_customer_token", "The token is not signed by a key that this server knows, or not valid now.")
		if errors.Is(err, jwt.ErrTokenSignatureInvalid) || errors.Is(err, jwt.ErrTokenUnverifiable) {
			f.Err = errUnknownKey
		}
		return none, f
	}
	if time.Until(claims.ExpiresAt.Time) > longestIdentity+clockLeeway {
		return bad("The token would work for more than %d hours; have your backend make one for each chat, with an exp a few minutes ahead.", int(longestIdentity.Hours()))
	}
	if claims.Subject == "" || len(claims.Subject) > maxSubject {
		return bad("The token needs the claim sub, of at most %d bytes: the customer's own id.", maxSubject)
	}
	p := chat.Person{ID: claims.Subject, Verified: true}
	if p.Name, err = personField("name", claims.Name); err != nil {
		return none, err
	}
	if p.Email, err = personField("email", claims.Email); err != nil {
		return none, err
	}
	if p.Email != "" {
		if p.Email, err = cleanEmail("customer_token", p.Email); err != nil {
			return none, err
		}
	}
	if p.Account, err = account(claims.Account); err != nil {
		return none, err
	}
	v := customer.Vouched{Person: p, Expires: claims.ExpiresAt.Add(clockLeeway)}
	if i.once || claims.ID != "" {
		kept := "jti\x00" + claims.Subject + "\x00" + claims.ID
		if claims.ID == "" { // what was signed, without the signature: that one has other forms that hold too
			kept = "all\x00" + token[:strings.LastIndexByte(token, '.')]
		}
		hash := sha256.Sum256([]byte(kept))
		v.Once = hash[:]
	}
	return v, nil
}

func methods(keys []identityKey) []string {
	var all []string
	for _, k := range keys {
		all = append(all, k.method)
	}
	return all
}

// keyFor finds the keys that may have signed the token: the one that it names, or those without a name. They are of its
// algorithm, so that no key is used for what it is not made for.
func keyFor(t *jwt.Token, keys []identityKey) (any, error) {
	kid, _ := t.Header["kid"].(string)
	var set jwt.VerificationKeySet
	for _, k := range keys {
		if k.method == t.Method.Alg() && (k.id == kid || k.id == "" || kid == "") {
			set.Keys = append(set.Keys, k.key)
		}
	}
	if len(set.Keys) == 0 {
		return nil, errors.New("no such key")
	}
	return set, nil
}

// personField checks a text of the token: short, one line, and masked as everything is.
func personField(field, s string) (string, error) {
	s = strings.TrimSpace(s)
	if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || utf8.RuneCountInString(s) > maxPersonField {
		return "", fault.Field("customer_token", "bad_customer_token", "The claim %s is no line of at most %d characters.", field, maxPersonField)
	}
	s, _ = mask.Mask(s)
	return s, nil
}

// cleanEmail checks an address: one, bare, and short enough to exist.
func cleanEmail(field, s string) (string, error) {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 || !strings.Contains(s[strings.LastIndex(s, "@"):], ".") {
		return "", fault.Field(field, "not_an_email", "This is not an e-mail address such as kim@example.org.")
	}
	return s, nil
}

// account checks the snapshot of the account: names with texts, numbers, yes or no.
func account(claim map[string]any) (json.RawMessage, error) {
	if len(claim) == 0 {
		return nil, nil
	}
	if len(claim) > maxAccountFields {
		return nil, fault.Field("customer_token", "bad_customer_token", "The claim account has more than %d fields.", maxAccountFields)
	}
	for k, v := range claim {
		if _, err := personField("account", k); err != nil || k == "" {
			return nil, fault.Field("customer_token", "bad_customer_token", "The claim account has a field without a proper name.")
		}
		switch v := v.(type) {
		case string:
			clean, err := personField("account."+k, v)
			if err != nil {
				return nil, err
			}
			claim[k] = clean
		case float64, bool, nil:
		default:
			return nil, fault.Field("customer_token", "bad_customer_token", "The claim account.%s is neither a text nor a number nor true or false.", k)
		}
	}
	return json.Marshal(claim)
}
