package parser

import (
	"strings"
	"testing"
)

func TestForwardedInLine(t *testing.T) {
	const date = "Tue, 3 Mar 2026 10:00:00 +0100"
	block := func(labels string) string {
		l := strings.Split(labels, "|")
		return l[0] + ": Carla Diaz <carla@example.net>\n" + l[1] + ": " + date + "\n" + l[2] + ": Drucker kaputt\n" + l[3] + ": bob@example.com\n\nIt is broken.\nCarla\n"
	}
	for _, c := range []struct{ name, subject, text string }{
		{"Gmail", "Fwd: x", "---------- Forwarded message ---------\n" + block("From|Date|Subject|To")},
		{"Gmail, Spanish", "Fwd: x", "---------- Forwarded message ---------\n" + block("De|Date|Subject|To")},
		{"Apple Mail", "Fwd: x", quoteAll("Begin forwarded message:\n\n" + block("From|Date|Subject|To"))},
		{"Apple Mail, French", "Tr : x", quoteAll("Début du message réexpédié :\n\n" + block("De|Date|Objet|À"))},
		{"Thunderbird", "Fwd: x", "-------- Forwarded Message --------\n" + block("From|Date|Subject|To")},
		{"Thunderbird, German", "Fwd: x", "-------- Weitergeleitete Nachricht --------\n" + block("Von|Datum|Betreff|An")},
		{"Outlook", "FW: x", "________________________________\n" + block("From|Sent|Subject|To")},
		{"Outlook, German", "WG: x", block("Von|Gesendet|Betreff|An")},
		{"Outlook, Italian", "I: x", block("Da|Inviato|Oggetto|A")},
		{"Outlook, Portuguese", "ENC: x", block("De|Enviado|Assunto|Para")},
		{"Outlook, Dutch", "Doorst: x", block("Van|Verzonden|Onderwerp|Aan")},
		{"Outlook, Swedish", "VB: x", block("Från|Skickat|Ämne|Till")},
		{"Outlook, Danish", "VS: x", block("Fra|Sendt|Emne|Til")},
		{"Outlook, Finnish", "VL: x", block("Lähettäjä|Lähetetty|Aihe|Vastaanottaja")},
		{"Outlook, Polish", "PD: x", block("Od|Wysłano|Temat|Do")},
		{"Outlook, Czech", "Fwd: x", block("Od|Odesláno|Předmět|Komu")},
		{"Outlook, Hungarian", "Továbbítás: x", block("Feladó|Elküldve|Tárgy|Címzett")},
		{"Yahoo, Turkish", "x", "----- İletilmiş Mesaj -----\n" + block("Kimden|Gönderilen|Konu|Kime")},
		{"Outlook, Turkish", "İLT: x", block("Kimden|Gönderildi|Konu|Kime")},
		{"Outlook, Russian", "Fwd: x", block("От|Отправлено|Тема|Кому")},
		{"Outlook, Greek", "ΠΡΘ: x", block("Από|Στάλθηκε|Θέμα|Προς")},
		{"Outlook, Chinese", "转发: x", block("发件人|发送时间|主题|收件人")},
		{"Outlook, Japanese", "FW: x", block("差出人|送信日時|件名|宛先")},
		{"Outlook, Korean", "FW: x", block("보낸 사람|보낸 날짜|제목|받는 사람")},
		{"Outlook, Hebrew", "FW: x", block("מאת|נשלח|נושא|אל")},
		{"Outlook, Arabic", "FW: x", block("من|تم الإرسال|الموضوع|إلى")},
		{"Outlook, Vietnamese", "Fwd: x", block("Từ|Đã gửi|Chủ đề|Đến")},
		{"Lotus Notes", "Fw: x", "----- Forwarded by Bob/Example on 03/03/2026 10:05 AM -----\n\n" + block("From|Date|Subject|To")},
		{"Yahoo", "Fw: x", "----- Forwarded Message ----- From: Carla Diaz <carla@example.net>To: bob@example.com <bob@example.com>Sent: " + date + "Subject: Drucker kaputt\nIt is broken.\nCarla\n"},
		{"no subject to tell by", "Drucker", "---------- Forwarded message ---------\n" + block("From|Date|Subject|To")},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, own := range []string{"", "Please take this.\n\n"} {
				m := Parse([]byte("From: bob@example.com\nSubject: " + c.subject + "\nContent-Type: text/plain; charset=utf-8\n\n" + own + c.text))
				f := m.Forwarded
				if f == nil {
					t.Fatalf("nothing found below %q", own)
				}
				if f.From != (Mailbox{"Carla Diaz", "carla@example.net"}) || f.Subject != "Drucker kaputt" || f.Text != "It is broken.\nCarla" {
					t.Errorf("from %v, subject %q, text %q", f.From, f.Subject, f.Text)
				}
				if len(f.To) != 1 || f.To[0].Address != "bob@example.com" || f.Date != "2026-03-03T10:00:00+01:00" {
					t.Errorf("to %v, date %q", f.To, f.Date)
				}
				if own != "" && m.Reply != strings.TrimSpace(own) {
					t.Errorf("reply %q", m.Reply)
				}
			}
		})
	}
}

func quoteAll(s string) string {
	return "> " + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n> ") + "\n"
}

func TestForwardedAttached(t *testing.T) {
	m := Parse([]byte("From: bob@example.com\nSubject: Fwd: broken\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nSee below.\n--b\nContent-Type: message/rfc822\n\n" +
		"From: Carla <carla@example.net>\nTo: bob@example.com\nSubject: broken\nDate: Tue, 3 Mar 2026 10:00:00 +0100\n\nIt is broken.\n--b--\n"))
	f := m.Forwarded
	if f == nil || f.From.Address != "carla@example.net" || f.Subject != "broken" || f.Text != "It is broken." || f.Date != "2026-03-03T10:00:00+01:00" {
		t.Fatalf("%+v", f)
	}
	if m.Reply != "See below." || len(m.Attachments) != 1 || m.Attachments[0].Name != "broken.eml" {
		t.Errorf("%s", parts(m))
	}
}

func TestAnswersAreNotForwarded(t *testing.T) {
	for _, text := range []string{
		"Thanks.\n\nOn Mon, 2 Mar 2026, Ann <ann@example.com> wrote:\n> hello\n",
		"Thanks.\n\nFrom: Ann <ann@example.com>\nSent: Monday, 2 March 2026\nTo: bob@example.com\nSubject: x\n\nhello\n",
		"Thanks.\n\n-----Original Message-----\nFrom: Ann <ann@example.com>\nSent: Monday, 2 March 2026\nTo: bob@example.com\nSubject: x\n\nhello\n",
		"Thanks.\n\nOn Mon, 2 Mar 2026, Ann <ann@example.com> wrote:\n> ---------- Forwarded message ---------\n> From: Carla <carla@example.net>\n> Subject: x\n>\n> hello\n",
		"The forwarded message did not arrive.\n",
	} {
		if f := Parse([]byte(plainHeader + text)).Forwarded; f != nil {
			t.Errorf("%q: %+v", text, f)
		}
	}
}
