package mail

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"strings"

	"github.com/google/uuid"
)

// replyPrefix begins the local part of addresses for replies.
const replyPrefix = "reply+"

// ReplyLocal is the local part of an address that names the conversation, and that nobody can make up for another one: its
// second half is a proof that needs the conversation's token, and from which the token cannot be had.
func ReplyLocal(conversation uuid.UUID, token string) string {
	m := hmac.New(sha256.New, []byte(token))
	m.Write([]byte("reply"))
	proof := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(m.Sum(nil)[:15]))
	return replyPrefix + hex.EncodeToString(conversation[:]) + "." + proof
}

// ReplyTarget returns the conversation that the local part of an address names, where its proof is right; token gives the
// token of a conversation. Case does not count, and neither does what follows the proof behind another dot.
func ReplyTarget(local string, token func(uuid.UUID) string) (uuid.UUID, bool) {
	local = strings.ToLower(local)
	rest, ok := strings.CutPrefix(local, replyPrefix)
	if !ok {
		return uuid.UUID{}, false
	}
	name, proof, _ := strings.Cut(rest, ".")
	proof, _, _ = strings.Cut(proof, ".")
	raw, err := hex.DecodeString(name)
	if err != nil || len(raw) != 16 {
		return uuid.UUID{}, false
	}
	id := uuid.UUID(raw)
	want := ReplyLocal(id, token(id))
	return id, subtle.ConstantTimeCompare([]byte(want), []byte(replyPrefix+name+"."+proof)) == 1
}

// IsReply tells whether a local part looks like one for replies, whatever its proof.
func IsReply(local string) bool {
	return strings.HasPrefix(strings.ToLower(local), replyPrefix)
}
