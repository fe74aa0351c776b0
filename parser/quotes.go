package parser

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MarkerClass is the class, and the id, of the element that holds a mail of
// ours in HTML.
const MarkerClass = "guichet-mail"

// markerSign makes up most of ticket.QuoteMarker. Three of them on a line are
// enough, since some programs drop other characters that they cannot show; no text
// that people type has as many.
const markerSign = "\u2063"

// carriesMarker reports whether a line was written by us: what stands from it on
// is a quote of ours.
func carriesMarker(s string) bool {
	i := strings.Index(s, markerSign)
	return i >= 0 && strings.Count(s[i:], markerSign) >= 3
}

// wroteVerbs end, or stand in, the line that programs put before a quote:
// "On 2 May, Ann wrote:". In lower case, by language, each with a program whose
// line has that form.
var wroteVerbs = []string{
	"wrote", "writes", // English: all
	"schrieb", "geschrieben", // German: Apple Mail, Thunderbird, Gmail
	"a écrit", "a ecrit", "écrit", // French: Gmail, Apple Mail
	"escribió", "escribio", "ha escrito", "ha escrit", // Spanish: Gmail, Thunderbird
	"escreveu",                             // Portuguese
	"ha scritto",                           // Italian
	"schreef",                              // Dutch: Gmail
	"geschreven",                           // Dutch: Apple Mail
	"skrev",                                // Danish, Norwegian, Swedish
	"kirjoitti",                            // Finnish
	"skrifaði",                             // Icelandic
	"napisał", "napisal", "napisana przez", // Polish: Gmail ("napisał(a)"), Apple Mail
	"pisze",              // Polish: Thunderbird
	"napsal",             // Czech
	"napísal", "napisal", // Slovak
	"napisao", "napisala", "je napisao", // Croatian, Bosnian
	"је написао", "је написала", // Serbian
	"je oseba", "je napisal", // Slovene
	"написал", "написала", "пишет", "писал", // Russian: Gmail, The Bat!
	"написав", "написала", "пише", // Ukrainian
	"напісаў",            // Belarusian
	"написа",             // Bulgarian
	"a scris", "a scrie", // Romanian
	"ezt írta", "írta", "ezt irta", // Hungarian
	"έγραψε",         // Greek
	"yazdı", "yazdi", // Turkish
	"rašė", "parašė", // Lithuanian
	"rakstīja",               // Latvian
	"kirjutas",               // Estonian
	"va escriure", "del dia", // Catalan: Gmail "Missatge de Ann <…> del dia …"
	"escribiu",          // Galician
	"idatzi du",         // Basque
	"het geskryf",       // Afrikaans
	"menulis",           // Indonesian, Malay
	"đã viết",           // Vietnamese
	"เขียนว่า", "เขียน", // Thai
	"كتب", "كتبت", "كتابة ما يلي بواسطة", // Arabic
	"נכתב על ידי", "כתב", "כתבה", "מאת", // Hebrew
	"نوشت",                             // Persian
	"ने लिखा",                          // Hindi
	"写道", "寫道", "编写", "写入", "撰寫", "来信", // Chinese: Gmail, Apple Mail, NetEase
	"書きました", "のメッセージ", "のメール", "書き込みました", // Japanese: Thunderbird, Apple Mail
	"작성", "님이 작성", "썼습니다", "보낸 메시지", "쓴 글", // Korean: Gmail, Apple Mail, Thunderbird
}

// openers are the words that such a line begins with, so that the reader's own
// sentence above it is not taken along.
var openers = map[string]bool{
	"on": true, "at": true, "in": true, // English
	"am": true,             // German
	"le": true,             // French
	"el": true, "en": true, // Spanish
	"em": true, "no": true, "a": true, // Portuguese
	"il": true, "in data": true, // Italian
	"op":  true,                         // Dutch, Afrikaans
	"den": true, "på": true, "kl": true, // Scandinavian
	"w": true, "dnia": true, "dn": true, // Polish
	"dne": true, "dňa": true, // Czech, Slovak
	"în": true, "pe": true, "la": true, // Romanian
	"στις": true, "την": true, // Greek
	"vào":  true,             // Vietnamese
	"pada": true,             // Indonesian
	"в":    true, "на": true, // Russian, Bulgarian
	"у": true, "дана": true, // Serbian
	"dana": true, "u": true, // Croatian
	"在": true, "於": true, // Chinese
	"בתאריך": true, "ב": true, // Hebrew
	"في": true, "بتاريخ": true, // Arabic
	"در":        true, // Persian
	"tarihinde": true, // Turkish
	"เมื่อ":     true, // Thai
	"il giorno": true, "il g": true,
	"die": true, "v": true, "oseba": true, "pe data": true, "message": true, "missatge": true,
}

// originals are the words between dashes above a quoted mail without marks,
// and those above a forwarded one; by language, with programs where not all.
var originals = []string{
	"original message", "original nachricht", "original-nachricht", "originalnachricht", "reply message", "original email",
	"original appointment", "reply separator", "mail original", "previous message", "quoted message", "mensagem anterior",
	"ursprüngliche nachricht", "ursprungliche nachricht", "antwort nachricht", "urspr. nachricht", // German
	"message d'origine", "message d’origine", "message original", "message initial", "courriel d'origine", // French
	"mensaje original", "mensaje anterior", "correo original", // Spanish
	"mensagem original",                           // Portuguese
	"messaggio originale", "messaggio precedente", // Italian
	"oorspronkelijk bericht", "origineel bericht", "oorspronkelijke bericht", // Dutch
	"oprindelig meddelelse", "original meddelelse", "oprindelig besked", // Danish
	"opprinnelig melding", "originalmelding", // Norwegian
	"ursprungligt meddelande", "originalmeddelande", "ursprungsmeddelande", // Swedish
	"alkuperäinen viesti",                                                                                 // Finnish
	"oryginalna wiadomość", "wiadomość oryginalna", "wiadomość pierwotna", "treść oryginalnej wiadomości", // Polish
	"původní zpráva", "původní e-mail", "puvodni zprava", // Czech
	"pôvodná správa",                     // Slovak
	"eredeti üzenet",                     // Hungarian
	"mesaj original", "mesajul original", // Romanian
	"izvorna poruka", "originalna poruka", "izvirno sporočilo", // Croatian, Slovene
	"orijinal mesaj", "özgün ileti", "orjinal mesaj", "asıl ileti", // Turkish
	"αρχικό μήνυμα",                                                          // Greek
	"исходное сообщение", "оригинальное сообщение", "пересылаемое сообщение", // Russian
	"вихідне повідомлення", "оригінальне повідомлення", // Ukrainian
	"оригинално съобщение",    // Bulgarian
	"tin nhắn gốc", "thư gốc", // Vietnamese
	"pesan asli", // Indonesian
	"ข้อความต้นฉบับ",                 // Thai
	"הודעה מקורית",                   // Hebrew
	"رسالة أصلية", "الرسالة الأصلية", // Arabic
	"原始邮件", "原始郵件", "原邮件", "原始信件", "原始訊息", "邮件原件", "回复的原邮件", // Chinese: QQ, Foxmail, NetEase
	"元のメッセージ", "元のメール", // Japanese
	"원본 메시지", "원본 메일", // Korean: Naver, Daum
}

// replyMarks are the words by which other help desks tell where an answer ends;
// in lower case.
var replyMarks = []string{
	"please type your reply above this line", "type your reply above this line", "please reply above this line", "reply above this line",
	"please write above this line", "write your reply above this line", "please do not write below this line", // Zendesk, Jira, OTRS
	"bitte antworten sie oberhalb dieser", "antworten sie oberhalb dieser", "antwort oberhalb dieser", // German
	"veuillez répondre au-dessus de cette ligne", "répondre au-dessus de cette ligne", "répondez au-dessus de cette ligne", "merci de répondre au-dessus de cette ligne", // French
	"responda por encima de esta línea", "escriba su respuesta por encima de esta línea", "responda acima desta linha", "rispondi sopra questa riga", "antwoord boven deze lijn", // Spanish, Portuguese, Italian, Dutch
}

// headerLabels are the names of fields in the block that programs copy above a
// quoted or forwarded mail. Kinds: f from, t to, c copy, d when it was sent,
// D any date, s subject, r reply-to, i others. In lower case, without the colon.
var headerLabels = map[string]byte{
	// English
	"from": 'f', "to": 't', "cc": 'c', "bcc": 'c', "date": 'D', "sent": 'd', "subject": 's', "reply-to": 'r', "reply to": 'r',
	"sender": 'f', "sent at": 'd', "sent by": 'f', "to whom": 't', "importance": 'i', "attachments": 'i', "organization": 'i', "resent-from": 'i',
	"date sent": 'd', "recipient": 't', "recipients": 't', "copy": 'c', "priority": 'i', "received": 'd', "message-id": 'i', "sent on": 'd', "posted at": 'd',
	// German
	"von": 'f', "an": 't', "gesendet": 'd', "datum": 'D', "betreff": 's', "kopie": 'c', "kopie (cc)": 'c', "antwort an": 'r', "absender": 'f',
	"empfänger": 't', "wichtigkeit": 'i', "gesendet am": 'd', "anlagen": 'i', "bis": 't', "priorität": 'i', "titel": 's',
	// French
	"de": 'f', "à": 't', "a": 't', "envoyé": 'd', "envoyé le": 'd', "objet": 's', "sujet": 's', "copie à": 'c', "copie": 'c', "expéditeur": 'f',
	"destinataire": 't', "message du": 'd', "répondre à": 'r', "date d'envoi": 'd', "envoyé à": 't', "pour": 't', "envoyée": 'd', "pièces jointes": 'i',
	"destinataires": 't', "date de": 'd',
	// Spanish
	"para": 't', "enviado": 'd', "enviado el": 'd', "fecha": 'D', "asunto": 's', "remitente": 'f', "destinatario": 't', "responder a": 'r',
	"enviado por": 'f', "copia": 'c', "enviado em": 'd', "cco": 'c', "importancia": 'i', "datos adjuntos": 'i', "copia para": 'c',
	// Portuguese
	"assunto": 's', "data": 'D', "enviada": 'd', "enviada em": 'd', "enviada a": 'd', "remetente": 'f', "responder para": 'r', "destinatário": 't',
	"enviado a": 'd', "com cópia": 'c', "cópia": 'c', "anexos": 'i',
	// Italian
	"da": 'f', "inviato": 'd', "oggetto": 's', "mittente": 'f', "inviata": 'd', "rispondi a": 'r', "per": 't', "inviato il": 'd', "data invio": 'd',
	"allegati": 'i', "per conoscenza": 'c', "ccn": 'c', "al": 't',
	// Dutch
	"van": 'f', "aan": 't', "verzonden": 'd', "onderwerp": 's', "afzender": 'f', "antwoord aan": 'r', "beantwoorden": 'r', "verstuurd": 'd',
	"verzonden op": 'd', "ontvanger": 't', "bijlagen": 'i', "antwoorden aan": 'r', "antwoord-aan": 'r',
	// Danish, Norwegian, Swedish
	"fra": 'f', "til": 't', "sendt": 'd', "emne": 's', "dato": 'D', "från": 'f', "till": 't', "skickat": 'd', "ämne": 's', "kopia": 'c',
	"svar til": 'r', "avsändare": 'f', "svar till": 'r', "sendt den": 'd', "kopi": 'c', "mottaker": 't', "avsender": 'f', "svara till": 'r',
	"svara": 'r', "modtager": 't', "vedhæftede filer": 'i',
	// Finnish
	"lähettäjä": 'f', "vastaanottaja": 't', "lähetetty": 'd', "aihe": 's', "päivämäärä": 'D', "kopio": 'c', "vastausosoite": 'r', "päiväys": 'D',
	"otsikko": 's', "vastaus": 'r', "vastaa": 'r', "pvm": 'D',
	// Polish
	"od": 'f', "do": 't', "wysłano": 'd', "temat": 's', "dw": 'c', "nadawca": 'f', "odbiorca": 't', "wysłany": 'd', "data wysłania": 'd',
	"adresat": 't', "adresaci": 't', "udw": 'c', "odpowiedź do": 'r', "dodatkowe odpowiedzi": 'r', "wiadomość napisana przez": 'f', "kopia do": 'c',
	"wysłane": 'd',
	// Czech, Slovak
	"komu": 't', "odesláno": 'd', "předmět": 's', "odoslané": 'd', "predmet": 's', "dátum": 'D', "kopie komu": 'c', "odesílatel": 'f', "odesílate": 'f',
	"příjemce": 't', "odosielateľ": 'f', "odoslal": 'f', "posláno": 'd', "odpověď na": 'r', "odpovědět komu": 'r', "odpoveď": 'r', "příjemci": 't',
	"kópia": 'c', "odosielate": 'f', "prijímateľ": 't', "odeslal": 'f', "odeslána": 'd', "odoslaná": 'd', "odpověď": 'r', "odoslať odpoveď": 'r',
	"dňa": 'd',
	// Hungarian
	"feladó": 'f', "címzett": 't', "küldve": 'd', "elküldve": 'd', "tárgy": 's', "küldte": 'f', "küldési dátum": 'd', "másolat": 'c', "válaszcím": 'r',
	"másolatot kap": 'c', "dátuma": 'd', "kapja": 't', "felado": 'f', "címzettek": 't', "kelt": 'd',
	// Romanian
	"de la": 'f', "către": 't', "catre": 't', "trimis": 'd', "subiect": 's', "la": 't', "expeditor": 'f', "destinatar": 't', "răspuns către": 'r',
	"dată": 'D', "trimis la": 'd', "subiectul": 's', "răspunde-i lui": 'r', "pentru": 't',
	// Croatian, Serbian, Slovene
	"za": 't', "poslano": 'd', "prima": 't', "šalje": 'f', "primatelj": 't', "zadeva": 's', "poslato": 'd', "naslov": 's', "tema": 's', "odgovori": 'r',
	"odgovor na": 'r', "pošiljatelj": 'f', "prejemnik": 't', "kp": 'c', "šalje se": 't', "шаље": 'f', "за": 't', "послато": 'd', "наслов": 's',
	"naslovnik": 't', "prejemniki": 't', "primatelji": 't',
	// Turkish
	"kimden": 'f', "kime": 't', "gönderme": 'd', "gönderildi": 'd', "gönderilme": 'd', "konu": 's', "tarih": 'D', "bilgi": 'c', "gönderen": 'f',
	"alıcı": 't', "gönderilen": 'd', "gönderilme tarihi": 'd', "gönderi": 'd', "gönderim tarihi": 'd', "yanıt adresi": 'r', "kopya": 'c',
	"gönderim": 'd', "yanıtla": 'r',
	// Greek
	"από": 'f', "προς": 't', "στάλθηκε": 'd', "ημερομηνία": 'D', "θέμα": 's', "κοιν": 'c', "κοιν.": 'c', "εστάλη": 'd', "αποστολή": 'd',
	"αποστολέας": 'f', "παραλήπτης": 't', "κοινοποίηση": 'c', "απάντηση προς": 'r',
	// Russian, Ukrainian, Bulgarian
	"от": 'f', "от кого": 'f', "кому": 't', "отправлено": 'd', "дата": 'D', "тема": 's', "копия": 'c', "отправитель": 'f', "получатель": 't',
	"дата отправки": 'd', "ответить": 'r', "від": 'f', "надіслано": 'd', "копія": 'c', "від кого": 'f', "відправлено": 'd', "відправник": 'f',
	"до": 't', "относно": 's', "изпратено": 'd', "кого": 't', "отправлен": 'd', "обратный адрес": 'r', "копие": 'c', "предмет": 's',
	"адрес для ответа": 'r', "відповісти": 'r', "отговор до": 'r', "изпратен": 'd', "одержувач": 't', "получател": 't', "подател": 'f',
	// Lithuanian, Latvian, Estonian
	"nuo": 'f', "kam": 't', "išsiųsta": 'd', "no": 'f', "kellele": 't', "saatja": 'f', "saadetud": 'd', "teema": 's', "temats": 's', "nosūtīts": 'd',
	"saaja": 't', "kuupäev": 'D', "kellelt": 'f', "sūtītājs": 'f', "adresāts": 't', "datums": 'D',
	// Icelandic, Catalan, Galician
	"frá": 'f', "viðtakandi": 't', "efni": 's', "per a": 't', "assumpte": 's', "enviat": 'd', "data d'enviament": 'd', "sendandi": 'f',
	"dagsetning": 'D', "enviat el": 'd',
	// Vietnamese, Indonesian, Malay, Thai
	"từ": 'f', "đến": 't', "ngày": 'D', "chủ đề": 's', "tới": 't', "đã gửi": 'd', "tiêu đề": 's', "gửi": 'd', "vào ngày": 'd', "gửi lúc": 'd',
	"người gửi": 'f', "người nhận": 't', "kính gửi": 't', "dari": 'f', "kepada": 't', "dikirim": 'd', "tanggal": 'D', "subjek": 's', "perihal": 's',
	"ke": 't', "untuk": 't', "terkirim": 'd', "tarikh": 'D', "subyek": 's', "judul": 's', "dihantar": 'd', "จาก": 'f', "ถึง": 't', "วันที่": 'D',
	"เรื่อง": 's', "ส่ง": 'd', "หัวเรื่อง": 's', "ส่งเมื่อ": 'd', "หัวข้อ": 's', "สำเนา": 'c',
	// Hebrew, Arabic, Persian
	"מאת": 'f', "אל": 't', "נשלח": 'd', "תאריך": 'D', "נושא": 's', "עותק": 'c', "הנדון": 's', "העתק": 'c', "من": 'f', "إلى": 't', "الى": 't',
	"تاريخ الإرسال": 'd', "تم الإرسال": 'd', "التاريخ": 'D', "الموضوع": 's', "نسخة": 'c', "أُرسلت": 'd', "تاريخ": 'D', "تاریخ": 'd', "از": 'f',
	"به": 't', "موضوع": 's', "المرسل": 'f', "المستلم": 't', "أرسلت": 'd', "ارسال شده": 'd',
	// Hindi
	"प्रेषक": 'f', "दिनांक": 'd', "विषय": 's', "प्रति": 't',
	// Chinese: Outlook, QQ, Foxmail, NetEase, Sina
	"发件人": 'f', "发送时间": 'd', "收件人": 't', "主题": 's', "抄送": 'c', "抄送人": 'c', "日期": 'D', "發件人": 'f', "傳送時間": 'd', "寄件者": 'f', "寄件人": 'f', "寄件日期": 'd',
	"收件者": 't', "主旨": 's', "主題": 's', "副本": 'c', "發送日期": 'd', "发送日期": 'd', "已发送": 'd', "時間": 'D', "时间": 'D', "发自": 'f', "回复": 'r', "回复至": 'r',
	"發送時間": 'd', "已傳送": 'd', "抄送至": 'c', "寄送時間": 'd', "傳送日期": 'd', "重要性": 'i', "附件": 'i', "答复": 'r', "回覆": 'r', "发件时间": 'd', "接收人": 't', "标题": 's',
	// Japanese
	"差出人": 'f', "送信日時": 'd', "宛先": 't', "送信先": 't', "件名": 's', "日付": 'D', "送信元": 'f', "送信者": 'f', "送信日": 'd', "日時": 'D', "返信先": 'r', "ｃｃ": 'c',
	"送信済み": 'd', "題名": 's', "受信者": 't', "発信者": 'f',
	// Korean
	"보낸 사람": 'f', "보낸사람": 'f', "보낸 날짜": 'd', "받는 사람": 't', "받는사람": 't', "제목": 's', "날짜": 'D', "참조": 'c', "보낸날짜": 'd', "발신": 'f', "수신": 't', "일시": 'D',
	"받는 이": 't', "보낸 이": 'f', "답장받는 사람": 'r', "회신": 'r', "발신자": 'f', "수신자": 't', "보낸이": 'f', "받는이": 't', "보냄": 'd', "보낸일시": 'd',
}

// labelOf reads "Label: value" and gives the kind of the label, or 0.
func labelOf(s string) (kind byte, value string) {
	kind, value = labelKind(s)
	if kind == 'D' {
		kind = 'd'
	}
	return kind, value
}

// labelKind is labelOf that tells dates of sending from others. Programs put
// stars, spaces and wide colons around.
func labelKind(s string) (kind byte, value string) {
	if i, _ := findColon(s); i < 0 { // as most lines have none
		return 0, ""
	}
	s = strings.TrimLeft(s, " \t*_|>\u00a0\u200e\u200f\u202a\u202b")
	i, size := findColon(s)
	if i <= 0 || i > 60 {
		return 0, ""
	}
	label := strings.ToLower(strings.Trim(s[:i], " \t*_\u00a0\u3000\u200e\u200f"))
	if kind = headerLabels[label]; kind == 0 && strings.ContainsAny(label, " \u00a0\u3000") {
		// Outlook pads short labels ("主 题"), French has a space before the colon.
		words := strings.Fields(label)
		if kind = headerLabels[strings.Join(words, "")]; kind == 0 || isASCII(label) {
			kind = headerLabels[strings.Join(words, " ")]
		}
	}
	if kind == 0 {
		return 0, ""
	}
	return kind, trimValue(s[i+size:])
}

// findColon finds the first colon, narrow or wide, and says how many bytes it has.
func findColon(s string) (i, size int) {
	i = strings.IndexByte(s, ':')
	if j := strings.Index(s, "："); j >= 0 && (i < 0 || j < i) {
		return j, len("：")
	}
	return i, 1
}

func trimValue(s string) string {
	return strings.Trim(strings.TrimSpace(s), "*\u200e\u200f\u202a\u202b\u202c \t\u00a0")
}

// headerBlock reports whether the block that programs copy above a quoted or
// forwarded mail begins at lines[i], and how many lines it has. It takes an
// author, or a recipient and a date, and two kinds at least: a list of facts
// ("Date: …, Time: …") is none.
func headerBlock(lines []line, i int) (n int, ok bool) {
	kind, value := labelKind(lines[i].text)
	if kind == 0 || kind == 'i' {
		return 0, false
	}
	seen := map[byte]string{kind: value}
	last, loose := i, 0
	for j := i + 1; j < len(lines) && j < i+30; j++ {
		l := lines[j]
		if l.blank() {
			// Block elements put empty lines between the fields of some HTML.
			if j+1 < len(lines) && !lines[j+1].blank() && j-last <= 1 {
				if k, _ := labelKind(lines[j+1].text); k != 0 && len(seen) < 5 {
					if _, twice := seen[k]; !twice {
						continue
					}
				}
			}
			break
		}
		k, v := labelKind(l.text)
		if k == 0 {
			// A value that goes on: a long list of recipients, a folded subject.
			if loose++; loose > 12 || j-last > 6 {
				break
			}
			continue
		}
		if _, twice := seen[k]; twice && k != 'c' && k != 'i' {
			break
		}
		seen[k], last, loose = v, j, 0
	}
	if !plausible(seen) {
		return 0, false
	}
	// What goes on behind the last label belongs to its value while it looks so.
	for last+1 < len(lines) && !lines[last+1].blank() && continues(lines[last+1].text) {
		last++
	}
	return last - i + 1, true
}

// notesBlock reports whether a header block of Lotus Notes stands at lines[i],
// whose fields are a word on a line and the value on the next: name, date, To,
// Subject. start is the line of the name.
func notesBlock(lines []line, i int) (start, n int, ok bool) {
	to := i + 1
	for to < len(lines) && to < i+3 && lines[to].blank() {
		to++
	}
	if to >= len(lines) || bareLabel(lines[to].text) != 't' || len(lines[i].text) > 60 || !fullDate.MatchString(lines[i].text) || !clockTime.MatchString(lines[i].text) {
		return 0, 0, false
	}
	for j := to + 1; j < len(lines) && j < to+12; j++ {
		if bareLabel(lines[j].text) != 's' {
			continue
		}
		start = i
		if i > 0 && !lines[i-1].blank() && len(lines[i-1].text) < 100 && !strings.HasSuffix(strings.TrimSpace(lines[i-1].text), ".") {
			start = i - 1
		}
		return start, j + 1 - i, true
	}
	return 0, 0, false
}

// bareLabel is the kind of a label that stands on a line of its own.
func bareLabel(s string) byte {
	if len(s) > 40 {
		return 0
	}
	return headerLabels[strings.ToLower(strings.TrimSpace(s))]
}

// headOfRest reports whether all below a line is a quote, though marks stand on
// the line or below it: ">>> Ann Lee <ann@example.com> 3/3/2026 9:12 AM >>>" of
// GroupWise, the table that Lotus Notes draws with signs around author and date.
func headOfRest(lines []line, i int) bool {
	l := lines[i]
	if rest, ok := strings.CutSuffix(strings.TrimRight(l.text, " "), ">>>"); ok {
		alone := (i == 0 || lines[i-1].depth == 0) && (i+1 == len(lines) || lines[i+1].depth == 0)
		return alone && l.depth == 3 && len(rest) < 200 && datePattern.MatchString(rest)
	}
	return l.depth == 0 && strings.HasPrefix(strings.TrimLeft(l.text, " "), "|--") && notesFrame.MatchString(l.text)
}

// continues tells the rest of a folded list of recipients from text.
func continues(s string) bool {
	t := strings.TrimSpace(s)
	return strings.HasPrefix(s, " ") && strings.Contains(t, "@") || strings.HasSuffix(t, ">") && strings.Contains(t, "<") && strings.Contains(t, "@") && !strings.Contains(t, "://")
}

// plausible judges the fields of a block. What a traveller writes ("From: Paris,
// To: Lyon, Date: 5 May") is none: it takes a subject, an address, or the word
// that programs have for the time of sending.
func plausible(seen map[byte]string) bool {
	from, hasFrom := seen['f']
	to, hasTo := seen['t']
	sent, hasSent := seen['d']
	date, hasDate := seen['D']
	_, hasSubject := seen['s']
	switch {
	case len(seen) < 2:
		return false
	case hasFrom && hasSent && hasDigit(sent):
		return true
	case hasFrom && hasSubject:
		return hasDate || hasSent || hasTo
	case hasFrom && strings.Contains(from, "@"):
		return hasTo || hasDate || hasSent
	case hasFrom && hasDate && strings.Contains(to, "@"):
		return true
	case hasTo && (hasDate && hasDigit(date) || hasSent && hasDigit(sent)):
		return strings.Contains(to, "@") || hasSubject
	}
	return false
}

// hasAddress is addrPattern by hand: it is asked of every other line.
func hasAddress(s string) bool {
	for at := 0; ; {
		i := strings.IndexByte(s[at:], '@')
		if i < 0 {
			return false
		}
		at += i + 1
		if at >= 2 && !strings.ContainsRune(" \t<>@", rune(s[at-2])) && at+1 < len(s) && !strings.ContainsAny(s[at:at+2], " \t<>@") {
			return true
		}
	}
}

func hasDigit(s string) bool { return strings.IndexFunc(s, unicode.IsDigit) >= 0 }

var (
	dashed = regexp.MustCompile(`^[\s*>|]*[-_=—–~#*]{2,}\s*(.{3,80}?)\s*[-_=—–~#*:]{1,}[\s*]*$`)
	ruled  = regexp.MustCompile(`^[\s*>]*[-_=—–─━~*#.+]{5,}[\s*]*$`)
)

// originalLine reports whether a line says that the original message follows.
func originalLine(s string) bool {
	s = plainSpaces(s)
	if strings.Contains(s, "--") && notesLine.MatchString(shorten(s, 300)) {
		return true // Lotus Notes: "Ann Lee---03/03/2026 10:00:00---first words"
	}
	t := strings.TrimLeft(s, " \t*>|")
	if len(s) > 200 || t == "" || !strings.ContainsAny(t[:min(len(t), 3)], "-_=—–~#*") && len(t) == len(s) {
		return false
	}
	m := dashed.FindStringSubmatch(s)
	if m == nil {
		return false
	}
	words := strings.ToLower(strings.Trim(m[1], " *-_=:"))
	if words == "original" {
		return true // QQ
	}
	for _, list := range [][]string{originals, replyMarks} {
		for _, o := range list {
			if strings.HasPrefix(words, o) && len(words) <= len(o)+20 {
				return true
			}
		}
	}
	return false
}

// plainSpaces makes ordinary spaces of those that do not break.
func plainSpaces(s string) string {
	if !strings.Contains(s, "\u00a0") {
		return s
	}
	return strings.ReplaceAll(s, "\u00a0", " ")
}

// plainDigits makes 0 to 9 of the digits that Arabic and Persian programs write.
func plainDigits(s string) string {
	if strings.IndexByte(s, 0xD9) < 0 && strings.IndexByte(s, 0xDB) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '٠' && r <= '٩':
			return '0' + r - '٠'
		case r >= '۰' && r <= '۹':
			return '0' + r - '۰'
		}
		return r
	}, s)
}

// ruleLine reports whether a line is drawn across the page.
func ruleLine(s string) bool {
	t := strings.TrimLeft(s, " \t*>")
	first, _ := utf8.DecodeRuneInString(t)
	return len(t) >= 5 && strings.ContainsRune("-_=—–─━~#.+", first) && ruled.MatchString(s) || len(s) >= 5 && strings.Trim(s, "* ") == ""
}

var (
	datePattern = regexp.MustCompile(`\d{1,4}\s?[./年년-]\s?\d{1,2}\s?[./月월-]\s?\d{1,4}|\b(19|20)\d\d\b|\d{1,2}[:.h]\d{2}|\d{1,2}/\d{1,2}`)
	fullDate    = regexp.MustCompile(`\d{1,4}\s?[./년年-]\s?\d{1,2}\s?[./月월-]\s?\d{1,4}|\b(?:19|20)\d\d\b`)
	clockTime   = regexp.MustCompile(`\d{1,2}[:.h]\d{2}`)
	notesLine   = regexp.MustCompile(`^.{1,100}-{2,}\s?\d{1,4}[/.-]\d{1,2}[/.-]\d{2,4}[ ,].{3,40}-{2,}`)
	notesFrame  = regexp.MustCompile(`^\s{0,3}\|-{3,100}\+-{3,100}>\s*$`)
	addrPattern = regexp.MustCompile(`[^\s<>@]{1,64}@[^\s<>@]{2,}`)
	sameLine    = regexp.MustCompile(`^(.*?[^\s-])\s*-{2,}\s*(On\s.{6,200}wrote:?)\s*$`)
	dateFirst   = regexp.MustCompile(`^\W{0,3}(\d{4}[-/.年]\s?\d{1,2}[-/.月]\s?\d{1,2}|\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2,4}|\d{1,2}\.?\s\pL{3,12}\.?\s\d{4}|\pL{2,14}\.?,?\s\d{1,2}\.?\s\pL{3,14}\.?,?\s\d{4}|\d{4}년|\d{2,4}年)`)
)

// prose reports whether a line surely opens no quote, in whichever way opensQuote
// and its like know: as most lines of most mails, it begins and ends with a word
// and has nothing in it that such a line needs. The patterns that are dear to try
// are then not tried.
func prose(s string) bool {
	if len(s) < 3 || !beginsWord[s[0]] || signsIn[s[1]]&signRule != 0 || signsIn[s[2]]&signRule != 0 {
		return false
	}
	var found lineSigns
	for i := 0; i < len(s); i++ {
		found |= signsIn[s[i]]
	}
	switch {
	case found&signColon != 0,
		found&signDigit != 0 && len(s) <= 60, // notesBlock
		found&signRule != 0 && strings.Contains(s, "--"),
		found&signWide != 0 && (strings.Contains(s, "：") || strings.Contains(s, markerSign)):
		return false
	}
	end := s[len(s)-1]
	return (endsWord[end] || end >= utf8.RuneSelf && beginsWord[s[len(s)-2]]) && !endsAttribution(s)
}

// lineSigns are what a line that opens a quote has in it, of which prose has no
// more than one here and there.
type lineSigns uint8

const (
	signColon lineSigns = 1 << iota
	signDigit
	signRule // what rules are drawn with
	signWide // the first byte of a wide colon, of our marker
)

// signsIn tells the signs by their bytes; beginsWord and endsWord those between
// which prose stands: letters and digits, the first bytes of the letters of
// Europe and the Near East, and the marks that close a sentence.
var signsIn, beginsWord, endsWord = func() (signs [256]lineSigns, begins, ends [256]bool) {
	for c := range 256 {
		switch {
		case c >= '0' && c <= '9':
			signs[c], begins[c], ends[c] = signDigit, true, true
		case isLetterByte(byte(c)):
			begins[c], ends[c] = true, true
		case c >= 0xC3 && c <= 0xDF:
			begins[c] = true
		}
	}
	for _, c := range []byte("-_=~#*") {
		signs[c] = signRule
	}
	for _, c := range []byte(".,;!?)'\"") {
		ends[c] = true
	}
	signs[':'], signs[0xE2], signs[0xEF] = signColon, signWide, signWide
	return signs, begins, ends
}()

// attribution reports whether the lines that end at end are the one before a
// quote ("On …, Ann wrote:", in up to six pieces), and where it starts.
func attribution(lines []line, end int) (start int, ok bool) {
	last := strings.TrimRight(lines[end].text, " \t*_\u00a0\u200e\u200f\u202c")
	if last == "" || len(last) > 400 {
		return 0, false
	}
	closing := endsAttribution(last)
	if !closing && !bareAttribution(last) {
		return 0, false
	}
	joined, maybe := "", -1
	depth := lines[end].depth
	for j := end; j >= 0 && j > end-6; j-- {
		if lines[j].depth != depth {
			break
		}
		if lines[j].blank() {
			if j < end-1 && !strings.HasPrefix(joined, "<") || j == end {
				break
			}
			continue // one empty line inside, where HTML put the address in a block
		}
		joined = strings.TrimSpace(plainDigits(plainSpaces(lines[j].text)) + " " + joined)
		if len(joined) > 500 {
			break
		}
		switch isAttribution(joined, closing) {
		case sure:
			return beginning(lines, j, end), true
		case likely:
			if maybe < 0 {
				maybe = j
			}
		}
	}
	if maybe >= 0 && marked(lines, end+1) {
		return beginning(lines, maybe, end), true
	}
	return 0, false
}

// beginning looks above a line that is an attribution by itself for the one of
// which it is the rest: the date above "<ann@example.com> wrote:", the name
// above a date.
func beginning(lines []line, j, end int) int {
	tail := lines[j].text
	if j == 0 || lines[j-1].blank() && !strings.HasPrefix(strings.TrimSpace(tail), "<") {
		return j
	}
	if attributionHead(tail) && hasAddress(tail) {
		return j
	}
	for k := j - 1; k >= 0 && k > end-5; k-- {
		above := strings.TrimSpace(lines[k].text)
		if lines[k].depth != lines[end].depth || lines[k].blank() && !strings.HasPrefix(strings.TrimSpace(lines[k+1].text), "<") {
			break
		}
		if attributionHead(above) {
			return k
		}
		if lines[k].blank() || strings.HasSuffix(above, ".") || strings.HasSuffix(above, "!") || strings.HasSuffix(above, "?") {
			continue
		}
		hasDate, hasAddr := fullDate.MatchString(above), hasAddress(above)
		if hasDate && !datePattern.MatchString(tail) || hasAddr && !hasAddress(tail) {
			return k
		}
	}
	return j
}

// attributionHead reports whether a line begins as an attribution does: with an
// opener and a date, or with a date.
func attributionHead(s string) bool {
	s = plainDigits(strings.TrimLeft(s, " \t*_-–—>|\u00a0\u200e\u200f\ufeff"))
	return startsAttribution(strings.ToLower(s)) && datePattern.MatchString(s) || dateFirst.MatchString(s)
}

// endsAttribution is the cheap test that spares most lines the dear ones.
func endsAttribution(last string) bool {
	if strings.HasSuffix(last, ":") || strings.HasSuffix(last, "：") {
		return true
	}
	if end := last[max(0, len(last)-1):]; end >= "\x80" || strings.Contains("- .>", end) {
		last = strings.TrimRight(last, "-–— .>")
	}
	if last == "" || !endsVerb[last[len(last)-1]] {
		return false
	}
	near := last[max(0, len(last)-2*longestLastWord-len(" (a)")):]
	word := strings.TrimSuffix(near[strings.LastIndexByte(near, ' ')+1:], "(a)")
	if len(word) > 2*longestLastWord {
		return false
	}
	var lower [64]byte
	b := lower[:0]
	for _, r := range word {
		b = appendLower(b, r)
	}
	return lastWords[string(b)]
}

// lastWords are the last words of wroteVerbs.
var lastWords = func() map[string]bool {
	m := map[string]bool{}
	for _, v := range wroteVerbs {
		m[v[strings.LastIndexByte(v, ' ')+1:]] = true
	}
	return m
}()

// endsVerb are the bytes with which one of them may end, in either case, and the
// parenthesis of "napisał(a)".
var endsVerb = func() (ends [256]bool) {
	for w := range lastWords {
		c := w[len(w)-1]
		ends[c] = true
		if isLetterByte(c) {
			ends[c&^0x20] = true
		}
	}
	for c := 0x80; c < 256; c++ {
		ends[c] = true
	}
	ends[')'] = true
	return ends
}()

var longestLastWord = func() (n int) {
	for w := range lastWords {
		n = max(n, len(w))
	}
	return n
}()

// bareAttribution is the form without verb and colon of Gmail before 2014:
// "2013/7/20 Ann <ann@example.com>".
func bareAttribution(last string) bool {
	return strings.HasSuffix(last, ">") && last[0] >= '0' && last[0] <= '9' && dateFirst.MatchString(last) && hasAddress(last)
}

// certainty is how sure a line is to stand before a quote. A likely one counts
// only where quote marks follow.
type certainty uint8

const (
	no certainty = iota
	likely
	sure
)

// isAttribution judges a whole candidate.
func isAttribution(s string, closing bool) certainty {
	s = strings.TrimLeft(s, " \t*_-–—>|\u00a0\u200e\u200f\u202a\u202b\"'")
	lower := strings.ToLower(s)
	verb := hasVerb(lower)
	addr := hasAddress(s)
	// The patterns of dates are dear: a line with neither verb nor address is not
	// held against any.
	if verb && startsAttribution(lower) && (addr || datePattern.MatchString(s)) {
		return sure
	}
	if verb && addr && endsWithVerb(lower) && len(s) < 160 && !strings.Contains(s, ". ") {
		return sure // Name <address> wrote:
	}
	switch {
	case verb && datePattern.MatchString(s) && (addr || dateFirst.MatchString(s) || fullDate.MatchString(s) && clockTime.MatchString(s)):
		return sure
	case addr && dateFirst.MatchString(s) && (!closing || datePattern.MatchString(s)):
		return sure // date, "Name" <address>:  (Yandex, mail.ru, Japanese programs)
	case closing && len(s) < 160 && (addr || verb && endsWithVerb(lower)):
		return likely // "Quoting Ann <address>:" (Horde), "Ann wrote:"
	}
	return no
}

func hasVerb(lower string) bool {
	if containsAny(lower, unspacedVerbs) {
		return true
	}
	found := false
	for word := range strings.FieldsFuncSeq(lower, notInWord) {
		if found = lastWords[word]; found {
			break
		}
	}
	if !found {
		return false
	}
	for _, v := range wroteVerbs {
		if i := strings.Index(lower, v); i >= 0 {
			if r, _ := utf8.DecodeLastRuneInString(lower[:i]); i == 0 || !unicode.IsLetter(r) {
				return true
			}
		}
	}
	return false
}

// unspacedVerbs are those of languages that put no space between words.
var unspacedVerbs = func() []string {
	var list []string
	for _, v := range wroteVerbs {
		if r, _ := utf8.DecodeRuneInString(v); r >= 0xE00 && r < 0xE80 || r > 0x2E80 {
			list = append(list, v)
		}
	}
	return list
}()

func endsWithVerb(lower string) bool {
	lower = strings.TrimRight(lower, " :：-–—.*(a)/")
	for _, v := range wroteVerbs {
		if strings.HasSuffix(lower, strings.TrimRight(v, " :：-–—.*(a)/")) {
			return true
		}
	}
	return false
}

func startsAttribution(lower string) bool {
	word, rest, _ := strings.Cut(lower, " ")
	word = strings.TrimRight(word, ",.:")
	if openers[word] && rest != "" {
		return true
	}
	for _, o := range []string{"在", "於", "vào", "เมื่อ", "في", "בתאריך", "ב-", "il giorno", "em "} {
		if strings.HasPrefix(lower, o) {
			return true
		}
	}
	return false
}
