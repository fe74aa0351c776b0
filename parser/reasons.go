package parser

import "strings"

// The reasons that a delivery fails for, in our words.
const (
	reasonUnknownUser  = "unknown user"
	reasonUnknownHost  = "unknown domain"
	reasonFull         = "mailbox full"
	reasonDisabled     = "account disabled"
	reasonMoved        = "recipient moved"
	reasonTooLarge     = "too large"
	reasonBlocked      = "blocked"
	reasonSpam         = "taken for spam"
	reasonVirus        = "virus or forbidden attachment"
	reasonPolicy       = "policy"
	reasonUnproved     = "sender not authenticated"
	reasonRelay        = "relaying denied"
	reasonRate         = "too many messages"
	reasonExpired      = "gave up after retries"
	reasonUnreachable  = "host unreachable"
	reasonLoop         = "mail loop"
	reasonSystem       = "fault of the receiving system"
	reasonSender       = "sender rejected"
	reasonUnclassified = "other"
)

// statusReasons gives a reason by RFC 3463 code, subject and detail.
var statusReasons = map[string]string{
	"1.1": reasonUnknownUser, "1.2": reasonUnknownHost, "1.3": reasonUnknownUser, "1.4": reasonUnknownUser, "1.6": reasonMoved, "1.7": reasonSender,
	"1.8": reasonSender, "1.10": reasonUnknownHost,
	"2.1": reasonDisabled, "2.2": reasonFull, "2.3": reasonTooLarge, "2.4": reasonSystem,
	"3.1": reasonSystem, "3.2": reasonSystem, "3.4": reasonTooLarge, "3.5": reasonSystem,
	"4.1": reasonUnreachable, "4.2": reasonUnreachable, "4.3": reasonUnknownHost, "4.4": reasonUnknownHost, "4.6": reasonLoop, "4.7": reasonExpired,
	"6.1": reasonPolicy, "7.1": reasonPolicy, "7.20": reasonUnproved, "7.21": reasonUnproved, "7.23": reasonUnproved, "7.25": reasonUnproved,
	"7.26": reasonUnproved, "7.27": reasonUnproved, "7.28": reasonRate, "7.13": reasonDisabled,
}

// textReasons are words of diagnostics in lower case, those first that say
// most.
var textReasons = []struct {
	reason string
	words  []string
}{
	{reasonFull, []string{"mailbox full", "mailbox is full", "full mailbox", "quota", "exceeded storage", "insufficient storage", "insufficient disk", "no space left", "mailbox size", "too much mail", "postfach voll", "postfach ist voll", "boîte pleine", "buzón lleno", "casella piena"}},
	{reasonTooLarge, []string{"too large", "too big", "size limit", "message size", "maximum size", "exceeds the maximum", "exceeds administrative", "length exceeds"}},
	{reasonVirus, []string{"virus", "malware", "infected", "attachment type", "attachment is not allowed", "executable"}},
	{reasonSpam, []string{"spam", "junk", "unsolicited", "bulk mail", "content rejected", "rejected due to content"}},
	{reasonUnproved, []string{"dmarc", "spf ", "dkim", "unauthenticated", "authentication required", "not authenticated", "sender id"}},
	{reasonRate, []string{"rate limit", "too many", "throttl", "exceeded the rate", "sending limit", "receiving mail at a rate"}},
	{reasonBlocked, []string{"blacklist", "blocklist", "block list", "black list", "blocked", "dnsbl", "rbl", "spamhaus", "reputation", "banned", "denylist", "poor reputation", "access denied", "client host rejected", "reverse dns"}},
	{reasonDisabled, []string{"disabled", "inactive", "suspended", "deactivated", "discontinued", "expired account", "no longer active", "locked", "not active", "is frozen"}},
	{reasonUnknownUser, []string{"user unknown", "unknown user", "no such user", "user not found", "unknown recipient", "recipient unknown", "invalid recipient", "no mailbox", "mailbox unavailable", "mailbox not found", "does not exist", "doesn't exist", "no such", "not listed in", "unknown address", "address unknown", "unknown local", "recipient not found", "invalid user", "not a valid", "bad destination", "not our customer", "doesn't have a", "addressee unknown", "unbekannt", "inconnu", "desconocid", "sconosciut", "name is not recognized", "no account", "user doesn't", "user does not", "not found", "undeliverable address", "invalid mailbox", "recipient address rejected", "unknown"}},
	{reasonUnknownHost, []string{"host unknown", "host not found", "unknown host", "unrouteable", "domain not found", "name or service not known", "no mx", "domain name not found", "nameserver", "dns error", "cannot resolve", "couldn't find any host", "illegal host/domain", "name server"}},
	{reasonRelay, []string{"relay", "not permitted to"}},
	{reasonLoop, []string{"loop", "too many hops", "hop count"}},
	{reasonSender, []string{"sender rejected", "sender address", "sender denied", "mail from", "invalid sender"}},
	{reasonExpired, []string{"retry time", "retry timeout", "giving up", "too long", "expired", "exceeded retry", "could not deliver for the last", "delivery time"}},
	{reasonUnreachable, []string{"timed out", "timeout", "connection refused", "unreachable", "connection dropped", "could not connect", "no route to host", "connection reset", "network error", "cannot connect", "connect to"}},
	{reasonPolicy, []string{"policy", "not allowed", "not authorized", "prohibited", "refused", "rejected", "denied"}},
	{reasonSystem, []string{"system error", "local error", "internal error", "configuration error", "system not accepting", "service unavailable", "temporarily", "out of service"}},
}

// reasonFor says in our words why a delivery failed.
func reasonFor(status, text string) string {
	_, detail, _ := strings.Cut(status, ".")
	byText := reasonOfText(strings.ToLower(shorten(text, 2_000)))
	byStatus := statusReasons[detail]
	// A code that says only "policy" or "mailbox" is less than the words beside it.
	if byStatus != "" && byStatus != reasonPolicy && byStatus != reasonSystem {
		return byStatus
	}
	switch {
	case byText != "":
		return byText
	case byStatus != "":
		return byStatus
	}
	return reasonUnclassified
}

func reasonOfText(lower string) string {
	for _, r := range textReasons {
		if containsAny(lower, r.words) {
			return r.reason
		}
	}
	return ""
}
