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

// ReplyPurpose is what the key of a conversation's address for replies is derived for.
const ReplyPurpose = "reply"

// ReplyLocal is the local part of an address that names the conversation, and that nobody can make up for another one: its
// second half is a proof that needs the conversation's key for this purpose, which never leaves the server.
func ReplyLocal(conversation uuid.UUID, key []byte) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("reply"))
	proof := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(m.Sum(nil)[:15]))
	return replyPrefix + hex.EncodeToString(conversation[:]) + "." + proof
}

// ReplyTarget returns the conversation that the local part of an address names, where its proof is right; key gives the key
// of a conversation. Case does not count, and neither does what follows the proof behind another dot.
func ReplyTarget(local string, key func(uuid.UUID) []byte) (uuid.UUID, bool) {
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
	want := ReplyLocal(id, key(id))
	return id, subtle.ConstantTimeCompare([]byte(want), []byte(replyPrefix+name+"."+proof)) == 1
}

// IsReply tells whether a local part looks like one for replies, whatever its proof.
func IsReply(local string) bool {
	return strings.HasPrefix(strings.ToLower(local), replyPrefix)
}
