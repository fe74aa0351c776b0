package parser

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// bounceSubjects begin, or stand in, the subject of reports of failure; by
// program and language. In lower case.
var bounceSubjects = newPhraseSet([]string{
	"undeliverable", "undelivered mail", "undeliverable mail", "undeliverable message", "undelivered message", // Exchange, Postfix
	// Sendmail, Exim
	"returned mail", "mail returned", "mail delivery failed", "mail delivery failure", "mail delivery problem", "mail delivery error",
	"mail delivery notification",
	// qmail, Domino, Google
	"failure notice", "failure delivery", "delivery failure", "delivery failed", "delivery status notification", "delivery problem", "delivery report",
	"delivery error", "delivery notification", "delivery has failed",
	"non-delivery", "nondeliverable", "nondelivery", "non delivery", "not delivered", "nicht zugestellt", "could not be delivered", "could not send",
	"could not deliver", "cannot be delivered", "unable to deliver", "undeliver", "message status - undeliverable",
	"warning: could not send", "warning: message", "delayed mail", "delivery delayed", "message delayed", "delivery delay", "mail delivery delayed",
	"delayed:", "message you sent blocked", "message delivery delayed", "mail system error", "mail error", "mail failure", "mail failed",
	"returned to sender", "return to sender", "returning message to sender", "bounced", "error sending", "rejected mail", "message rejected",
	"rejected:", "user unknown", "unknown user", "unknown address", "mailbox full", "mailbox is full", "over quota", "e-mail delivery failure",
	"email delivery failure", "sending failed", "message could not", "nameserver error report",
	// German
	"unzustellbar", "zustellung fehlgeschlagen", "zustellungsfehler", "mail konnte nicht", "nicht zustellbar", "übermittlungsfehler",
	"benachrichtigung zum übermittlungsstatus", "zustellfehler",
	// French
	"non remis", "échec de la remise", "échec de remise", "non distribué", "message non délivré", "notification d'état de remise", "échec d'envoi",
	"avis de non-remise",
	// Spanish
	"no entregado", "no se puede entregar", "error de entrega", "notificación de estado de entrega", "devuelto al remitente", "fallo en la entrega",
	"não entregue", "falha na entrega", "não foi possível entregar", "falha de entrega", "mensagem não entregue", "mensagem devolvida", // Portuguese
	"impossibile recapitare", "mancato recapito", "mancata consegna", "non recapitabile", "errore di consegna", "avviso di mancata consegna", // Italian
	"onbestelbaar", "niet bezorgd", "niet afgeleverd", "kan niet worden bezorgd", // Dutch
	// Nordic
	"kunne ikke leveres", "ikke leveret", "ikke levert", "går inte att leverera", "kunde inte levereras", "olevererat", "toimittaminen epäonnistui",
	"ei voitu toimittaa",
	// Slavic, Hungarian, Turkish
	"niedostarczon", "nie można dostarczyć", "nedoručiteln", "nedoručen", "kézbesíthetetlen", "teslim edilemedi", "недоставлен", "не доставлено",
	"ошибка доставки", "недоставка",
	// Chinese, Japanese, Korean
	"退信", "邮件退回", "無法傳遞", "无法投递", "系统退信", "无法送达", "未送达", "配信不能", "配信エラー", "配送エラー", "送信エラー", "エラーメール", "メールエラー", "エラー通知", "메일 전송 실패", "반송",
})

// systemSubjects are those of bounceSubjects that people do not write.
var systemSubjects = newPhraseSet([]string{"undeliverable:", "undelivered mail returned", "returned mail:", "mail delivery failed", "non-delivery", "delivery status notification", "failure notice"})

// bouncePhrases are what such reports say in their text, by program and
// language. In lower case, spaces single.
var bouncePhrases = newPhraseSet([]string{
	"could not be delivered", "couldn't be delivered", "cannot be delivered", "can't be delivered", "was not delivered", "wasn't delivered",
	"not be delivered", "has not been delivered", "undeliverable", "undelivered", "unable to deliver", "not able to deliver", "wasn't able to deliver",
	"not been able to deliver", "could not deliver", "couldn't deliver", "failed to deliver", "unable to be delivered", "did not reach the following",
	"did not reach some or all", "could not be reached", "could not be sent", "delivery to the following recipient", "delivery of email to",
	"delivery failed", "delivery has failed", "has failed due to", "delivery failure", "failed permanently", "had permanent fatal errors",
	"transient non-fatal errors", "had fatal errors", "permanent error", "permanent failure", "fatal error", "following addresses had",
	"following address(es) failed", "address(es) failed", "addresses failed", "message not delivered", "returned mail", "returning message",
	"returned to you", "is being returned", "being returned", "undeliverable to", "not deliver", "error was encountered", "error delivering",
	"error occurred while trying to deliver", "delivery error", "delivery problem", "error sending", "there was a problem delivering",
	"failure delivering", "encountered a delivery problem",
	"user unknown", "unknown user", "no such user", "user not found", "unknown recipient", "recipient unknown", "invalid recipient", "invalid user",
	"invalid user address", "no mailbox here by that name", "mailbox unavailable", "mailbox not found", "mailbox is full", "mailbox full",
	"full mailbox", "over quota", "quota exceeded", "exceeded storage", "unknown address", "address unknown", "unknown local",
	"account has been disabled", "account is disabled", "account that you tried to reach", "does not exist", "doesn't exist", "not listed in",
	"doesn't have a", "no longer available", "no longer valid", "unrouteable", "host unknown", "host not found", "unknown host",
	"domain name not found", "relaying denied", "relay not permitted", "message rejected", "recipient rejected", "rejected by the recipient",
	"rejected your message", "your message was rejected", "has been rejected", "no matches to nameserver", "did not like our", "was blocked",
	"has been blocked", "retry timeout exceeded", "retry time not reached", "giving up", "has been delayed", "delivery temporarily suspended",
	"still trying", "will be retried", "will keep trying", "not yet been delivered", "no message collected", "said: 5", "said: 4", "bouncedrecipients",
	"notificationtype", "smtp error", "reason:", "transcript of session", "action: failed", "action: delayed", "hop count exceeded", "too many hops",
	"unknown or illegal", "not a valid mailbox", "not accepting mail from", "not found", "couldn't find", "was not found", "rejected due to",
	"message was refused", "not authorized", "is unreachable", "not reachable", "not recognized", "bad address", "attempts to deliver",
	"mailbox does not", "cannot accept", "unable to accept", "was undeliverable", "not delivered to", "returned because", "has exceeded", "blocked by",
	"unavailable", "no valid", "non-existent", "nonexistent", "is inactive", "disk quota", "mail box", "deliver your message", "no account",
	"send failed", "mail loop", "timed out",
	// German
	"konnte nicht zugestellt", "nicht zugestellt werden", "unzustellbar", "konnte nicht ausgeliefert", "unbekannter benutzer", "empfänger unbekannt",
	"unbekannter empfänger",
	// French
	"n'a pas pu être remis", "n'a pas pu être livré", "n'a pas été remis", "n'a pu être", "n'a pas pu être délivré", "utilisateur inconnu",
	"adresse inconnue",
	"no se ha podido entregar", "no se pudo entregar", "no pudo ser entregado", "no ha podido ser", "usuario desconocido", "no se puede entregar", // Spanish
	"não pôde ser entregue", "não foi entregue", "não foi possível entregar", "usuário desconhecido", // Portuguese
	"non è stato possibile recapitare", "non è stato recapitato", "non può essere recapitato", "impossibile recapitare", "utente sconosciuto", // Italian
	"kon niet worden bezorgd", "kan niet worden bezorgd", "niet worden afgeleverd", // Dutch
	"nie mogła zostać dostarczona", "nie została dostarczona", "nebylo možné doručit", "nem kézbesíthető", "teslim edilemedi", "не было доставлено",
	"не может быть доставлено", "не удалось доставить", "не доставлено", "kunne ikke leveres", "kunde inte levereras",
	"无法投递", "無法傳遞", "被退回", "无法送达", "配信できません", "配信されません", "送信できません", "お届けできません", "配送できません", "送れませんでした", "宛先不明", "전송하지 못했습니다", "배달되지",
})

// successPhrases are those of reports that all went well.
var successPhrases = newPhraseSet([]string{
	"successfully delivered", "was successfully relayed", "successfully relayed", "has been delivered to",
	"delivery to the following recipients was successful", "your message was delivered", "erfolgreich zugestellt", "deliverable mail",
})

// returnedLine is where the message that came back begins in a report without
// parts: a line that announces it, or the first field of its header.
var returnedLine = regexp.MustCompile(`(?im)^[ \t>]*(?:` + strings.Join([]string{
	`-{2,}.{0,20}(?:original|returned|unsent|below this line|copy of (?:the|your) message|message (?:header|text)s?|header|body of message|undeliverable message|enclosed).{0,60}$`,
	`(?:the )?(?:original|your|unsent|returned) (?:message|mail)(?: headers?| text)? (?:follows?|is (?:included|attached|below)|begins).{0,40}$`,
	`(?:message|original) headers? follow.{0,20}$`, `the (?:first|text|header|headers|content|body).{0,60}follows?:?.{0,3}$`,
	`copy of (?:the )?(?:original )?message.{0,30}:?$`}, "|") + `)|(?im)^>?[ ]?(?:received:[ \t]*(?:from|by|\().{0,200}$|return-path:[ \t]*<.{0,200}$|message-id:[ \t]*<.{0,200}$|mime-version:.{0,40}$|from mailer-daemon\b.{0,60}$)`)

// cutReturned parts the words of a report from the message it returns.
func cutReturned(text string) (own, quoted string) {
	at := returnedLine.FindStringIndex(text)
	if at == nil {
		return text, ""
	}
	line := text[at[0]:at[1]]
	if at[0] < 20 && !strings.Contains(line, ":") {
		return text, ""
	}
	if n := fieldName([]byte(strings.TrimLeft(line, " \t>"))); n > 0 && n < 20 {
		return text[:at[0]], text[at[0]:]
	}
	return text[:at[0]], text[at[1]:]
}

// isBounce judges a message without a report that can be read by the standard.
// It weighs who writes against what is said: a mail system is believed when it
// says one thing, a role that people share when it says two. From anybody else
// it takes what only a mail system writes: customers complain of deliveries
// that failed, too.
func (t *reportText) isBounce() bool {
	daemon, role, null := t.daemon(), t.role(), t.nullSender()
	subject := bounceSubjects.in(bareSubject(t.m.Subject))
	robot := RobotAddress(t.m.From.Address)
	if !daemon && !role && !null && !robot && !subject {
		return false
	}
	if readSigns(t.header)&signVacation != 0 && !daemon && !role || vacationSubject(t.m.Subject) == sure {
		return false
	}
	t.part()
	words := t.opening()
	if successPhrases.in(words) && !containsAny(words, []string{"failed", "could not"}) {
		return false
	}
	phrase := bouncePhrases.in(words)
	code := statusPattern.MatchString(words) || replyCode.MatchString(words)
	two := subject && (phrase || code) || phrase && code
	switch {
	case daemon:
		return subject || phrase || code || t.reports
	case role:
		return two || t.reports || subject && t.returned() || phrase && null
	case answerPrefix.MatchString(strings.ToLower(t.m.Subject)):
		return false
	case null:
		return two
	case robot:
		return subject && (phrase || code) || strings.Contains(words, "bouncedrecipients")
	case !phrase:
		return false
	}
	return subject && (statusPattern.MatchString(words) && len(t.recipients()) > 0 || t.returned() && t.inner.has("received")) ||
		systemSubjects.in(bareSubject(t.m.Subject)) && len(collect(surePatterns[3], t.text, t.others())) > 0
}

// opening is the first words of the report in lower case, spaces single.
func (t *reportText) opening() string {
	words := strings.ToLower(strings.Join(strings.Fields(t.text), " "))
	if len(words) > 6_000 {
		words = strings.ToValidUTF8(words[:6_000], "")
	}
	return words
}

// returned reports whether the message carries the one that came back.
func (t *reportText) returned() bool { return t.inner != nil && len(t.inner.fields) > 2 }

var replyCode = regexp.MustCompile(`\b[45][0-7]\d[ -](?:[45]\.\d\.\d|[^\d\s])|\(#[45]\.\d\.\d\)|#<?[45]\d\d`)

func containsAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// bareSubject is the subject in lower case without a list's tag.
func bareSubject(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if strings.HasPrefix(s, "[") {
		if _, rest, ok := strings.Cut(s, "]"); ok && strings.TrimSpace(rest) != "" {
			s = rest
		}
	}
	return s
}

// daemonAddress and daemonName are those of mail systems alone, roleAddress
// and roleName those that a person may write from as well.
var (
	daemonAddress = regexp.MustCompile(`(?i)^(?:(?:mailer|mail|.*mail)[-_]?daemon(?:[-_].*)?|mmdf|mdaemon|mail[-_]?delivery[-_]?(?:sub)?system|.*-daemon)$`)
	daemonName    = regexp.MustCompile(`(?i)mail(?:er)?[ -]?daemon|mail delivery (?:sub)?s[yu]|delivery subsystem|mail delivery service`)
	roleAddress   = regexp.MustCompile(`(?i)^(?:.*post?_?master|poostmaster|daemon|mail(?:er)?-?system|bounces?|mail|uucp|administrator|system|root|mailmaster|delivery|mailer|postoffice|mta|smtp|intermail|mailrouter|exchange|msexchange)$`)
	roleName      = regexp.MustCompile(`(?i)system administrator|postmaster|mail system|mail administrator|mail router|internet mail|microsoft (?:outlook|exchange)|delivery notification`)
)

// roleStems stand in every address or name that is a role's.
var roleStems = []string{"master", "daemon", "system", "bounce", "mail", "uucp", "admin", "root", "deliver", "postoffice", "mta", "smtp", "exchange", "microsoft"}

func (t *reportText) sender() string {
	local, _, _ := strings.Cut(t.m.From.Address, "@")
	if local == "" {
		local = strings.Trim(t.header.get("from"), "<> ")
	}
	return local
}

func (t *reportText) daemon() bool {
	local := t.sender()
	if !containsAny(strings.ToLower(local+" "+t.m.From.Name), []string{"daemon", "mail", "deliver", "mmdf"}) {
		return false
	}
	return daemonAddress.MatchString(local) || daemonName.MatchString(t.m.From.Name) || daemonName.MatchString(local)
}

func (t *reportText) role() bool {
	if !containsAny(strings.ToLower(t.sender()+" "+t.m.From.Name), roleStems) {
		return false
	}
	return roleAddress.MatchString(t.sender()) || roleName.MatchString(t.m.From.Name)
}

// nullSender reports whether the envelope sender was <>, as far as the header
// still says it (RFC 5321 §4.4).
func (t *reportText) nullSender() bool {
	return t.header.has("return-path") && returnPath(t.header) == ""
}

const addrRE = `([^\s<>()\[\]:;,"'@]{1,64}@(?:[\pL\d](?:[\pL\d_-]{0,62}[\pL\d])?\.){1,10}[\pL\d-]{2,40})`

// surePatterns find failed recipients where a report lists them, the surest
// way first. The first that finds any decides.
var surePatterns = []*regexp.Regexp{
	regexp.MustCompile(`(?im)^[ \t>]*(?:final-recipient|original-recipient)[ \t]*:[ \t]*(?:rfc822[ \t]*;)?[ \t]*<?` + addrRE),
	regexp.MustCompile(`(?i)\\?"emailAddress\\?"\s*:\s*\\?"` + addrRE), // Amazon SNS
	regexp.MustCompile(`(?i)\bSMTP=` + addrRE),                         // Exchange, X.400 form
	regexp.MustCompile(`(?im)^[ \t]*(?:[-*•][ \t]*)?["'<\[(]{0,2}(?:mailto:|smtp:|rfc822;)?` + addrRE + `["'>\])]{0,2}[ \t]*(?:[:;,.(<-].{0,200}|\.{3}.{0,100}|on \w{3}, .{0,60}|on \d.{0,40}|\[.{0,100}|(?:is|was|has|does|not|user|unknown|mailbox|failed|host|no|the) .{0,150})?$`),
	regexp.MustCompile(`(?im)^[ \t]*(?:original|failed|intended)?[ \t]*(?:recipient|target)?[ \t]*(?:mail)?[ \t]*address[ \t]*:[ \t]*<?` + addrRE), // Sun, iPlanet
	regexp.MustCompile(`(?i)rcpt to[ \t]*:?[ \t]*<?` + addrRE),
}

// likelyPatterns find them in running sentences.
var likelyPatterns = []*regexp.Regexp{
	regexp.MustCompile(`(?im)^[^\n@]{0,80}\b(?:failed|failure|rejected|undeliverable|undelivered|bounced)\b[^\n@:]{0,60}:[ \t]{0,8}["'<(\[]{0,2}` + addrRE),
	regexp.MustCompile(`(?i)(?:deliver(?:ed|ing|y)?|sent|send|message|mail|e-mail|undeliverable|reach|forward(?:ed)?|relay|addressed|zugestellt|remis|entregar|entregue)(?: \S{1,20}){0,6} (?:to|an|à|a|for|para|address)(?: \S{1,20}){0,3}[:\s]+["'<(]{0,2}` + addrRE),
	regexp.MustCompile(`(?im)(?:recipients?|users?|userid|addressee|address|mailbox|account|empfänger|destinataire|destinatario|unknown|収件人|收件人|宛先|to|failed)[^\S\n]?(?:\w+[^\S\n]){0,3}[:= \t]+["'<(\[]{0,2}` + addrRE),
}

var expandedFrom = regexp.MustCompile(`(?i)\((?:expanded|(?:ultimately )?generated) from:? <?` + addrRE)

var anyAddress = regexp.MustCompile(`(?:^|[\s<>()\[\]:;,"'])` + addrRE)

// recipients are the addresses that the report is about; when it names none,
// those that the returned message was sent to.
func (t *reportText) recipients() []string {
	skip := t.others()
	for _, try := range []struct {
		patterns []*regexp.Regexp
		skip     map[string]bool
	}{{surePatterns, skip}, {surePatterns, nil}, {likelyPatterns, skip}} {
		for _, pattern := range try.patterns {
			if found := collect(pattern, t.text, try.skip); len(found) > 0 {
				// The address that we wrote to is the one that was expanded.
				return append(found, collect(expandedFrom, t.text, nil)...)
			}
		}
	}
	if found := t.sentTo(skip); len(found) > 0 {
		return found
	}
	for _, skip := range []map[string]bool{skip, nil} {
		if found := collect(anyAddress, t.text, skip); len(found) > 0 {
			return found[:1]
		}
	}
	return nil
}

// sentTo is whom the returned message was sent to.
func (t *reportText) sentTo(skip map[string]bool) []string {
	if t.inner == nil {
		return nil
	}
	for _, name := range []string{"x-failed-recipients", "delivered-to", "to", "cc", "apparently-to"} {
		var found []string
		for _, a := range parseAddresses(strings.Join(t.inner.all(name), ", ")) {
			if a.Address != "" && !skip[strings.ToLower(a.Address)] && !contains(found, a.Address) && len(found) < maxRecipients {
				found = append(found, a.Address)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// others are addresses that stand in reports and have not failed: whose mail it
// was, and who writes the report.
func (t *reportText) others() map[string]bool {
	skip := map[string]bool{}
	add := func(addr string) {
		if addr != "" {
			skip[strings.ToLower(addr)] = true
		}
	}
	add(t.m.From.Address)
	for _, to := range t.m.To {
		add(to.Address)
	}
	if t.inner != nil {
		for _, name := range []string{"from", "return-path", "sender", "reply-to"} {
			for _, a := range parseAddresses(t.inner.get(name)) {
				add(a.Address)
			}
		}
	}
	return skip
}

// systemLocal are local parts of those who report, never of those reported.
var systemLocal = map[string]bool{"mailer-daemon": true, "postmaster": true, "mailerdaemon": true, "mailer_daemon": true, "mail-daemon": true}

func collect(pattern *regexp.Regexp, text string, skip map[string]bool) []string {
	var found []string
	for _, m := range pattern.FindAllStringSubmatch(text, maxRecipients) {
		addr := cleanAddress(strings.Trim(m[1], ".-_"))
		local, _, _ := strings.Cut(addr, "@")
		if addr == "" || skip[strings.ToLower(addr)] || systemLocal[strings.ToLower(local)] || !utf8.ValidString(addr) || contains(found, addr) {
			continue
		}
		found = append(found, addr)
	}
	return found
}

// complete fills in what the parts of the report did not say.
func (t *reportText) complete(found *Bounce) {
	if found.OriginalMessageID == "" {
		found.OriginalMessageID = t.originalID()
	}
	words := t.opening()
	for i := range found.Recipients {
		r := &found.Recipients[i]
		if r.Diagnostic == "" {
			r.Diagnostic = t.diagnostic(r.Address)
		}
		if r.Status == "" || strings.HasSuffix(r.Status, ".0.0") {
			if s := statusPattern.FindString(r.Diagnostic); s != "" {
				r.Status = s
			} else if r.Status == "" {
				if m := replyCode.FindString(r.Diagnostic); m != "" && m[0] >= '4' && m[0] <= '5' {
					r.Status = m[:1] + ".0.0"
				}
			}
		}
		if r.Action == "" {
			r.Action = "failed"
			if strings.HasPrefix(r.Status, "4.") && delayWords.in(words) || delayWords.in(bareSubject(t.m.Subject)) {
				r.Action = "delayed"
			}
		}
		r.Diagnostic = cleanLine(r.Diagnostic)
		r.Reason = reasonFor(r.Status, r.Diagnostic+" "+words)
	}
}

var delayWords = newPhraseSet([]string{"delayed", "delay", "still trying", "will be retried", "keep trying", "warning:", "do not need to resend", "no action is required", "not yet been"})

// diagnostic is the line of the report that says why: one with a code or a
// known phrase, near the address where it names one.
func (t *reportText) diagnostic(addr string) string {
	lines := strings.Split(t.text, "\n")
	start := 0
	for i, l := range lines {
		if addr != "" && strings.Contains(strings.ToLower(l), strings.ToLower(addr)) {
			start = i
			break
		}
	}
	best := ""
	for i := start; i < len(lines) && i < start+20; i++ {
		l := strings.TrimSpace(lines[i])
		if replyCode.MatchString(l) || statusPattern.MatchString(l) {
			return shorten(l, 500)
		}
		if best == "" && reasonOfText(strings.ToLower(l)) != "" {
			best = shorten(l, 500)
		}
	}
	return best
}

// shorten cuts s at n bytes, between characters.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

var messageIDLine = regexp.MustCompile(`(?im)^[ \t>]*(?:original-)?message-id[ \t]*:[ \t]*<?([^\s<>]{3,250})>?`)

// originalID is the Message-ID of the message that was not delivered, from
// whichever part of the report still has it.
func (t *reportText) originalID() string {
	if t.inner != nil {
		if id := firstID(t.inner.get("message-id")); id != "" {
			return id
		}
	}
	for _, s := range []string{t.quoted, t.text} {
		if m := messageIDLine.FindStringSubmatch(s); m != nil {
			return m[1]
		}
	}
	if ids := t.m.InReplyTo; len(ids) > 0 {
		return ids[0]
	}
	if ids := t.m.References; len(ids) > 0 {
		return ids[len(ids)-1]
	}
	return ""
}
