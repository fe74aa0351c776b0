package parser

import (
	"strings"
	"testing"
	"time"
)

func TestWrittenDates(t *testing.T) {
	own := time.FixedZone("", 2*3600)
	for in, want := range map[string]string{
		"Wednesday, October 27, 2021 15:14":             "2021-10-27T15:14:00+02:00", // Outlook
		"Wed, Oct 27, 2021 at 9:31 AM":                  "2021-10-27T09:31:00+02:00", // Gmail
		"Monday, September 19, 2022, 5:55:44 PM -0400":  "2022-09-19T17:55:44-04:00", // Yahoo
		"July 19, 2022 at 12:36 PM":                     "2022-07-19T12:36:00+02:00",
		"July 19, 2022 at 12:06 AM":                     "2022-07-19T00:06:00+02:00",
		"March 1st, 2022 at 10:00":                      "2022-03-01T10:00:00+02:00",
		"16 July 2021 at 19:24:14 CEST":                 "2021-07-16T19:24:14+02:00", // Apple Mail
		"25 October 2021 at 11:17:21 EEST":              "2021-10-25T11:17:21+03:00",
		"Dienstag, 2. November 2021, 09:26:50 MEZ":      "2021-11-02T09:26:50+01:00", // German
		"Donnerstag, 28. Oktober 2021 um 12:46":         "2021-10-28T12:46:00+02:00",
		"mardi 2 novembre 2021, 09:26:50 UTC+1":         "2021-11-02T09:26:50+01:00", // French
		"mar. 2 mars 2021 à 9h05":                       "2021-03-02T09:05:00+02:00",
		"mar, 26 oct 2021 a las 9:31":                   "2021-10-26T09:31:00+02:00", // Spanish
		"terça-feira, 2 de novembro de 2021 09:26:50 Z": "2021-11-02T09:26:50Z",      // Portuguese
		"martedì 2 novembre 2021, 09:26:50 CET":         "2021-11-02T09:26:50+01:00", // Italian
		"26 oktober 2021 om 14:25:08 GMT+3":             "2021-10-26T14:25:08+03:00", // Dutch
		"tirsdag den 2. november 2021 09.26.50 CET":     "2021-11-02T09:26:50+01:00", // Danish
		"maanantai 19. syyskuuta 2022 klo 17.55.44":     "2022-09-19T17:55:44+02:00", // Finnish
		"śr., 27 paź 2021 o 09:31":                      "2021-10-27T09:31:00+02:00", // Polish
		"st 27. 10. 2021 o 9:31":                        "2021-10-27T09:31:00+02:00", // Slovak
		"csütörtök, 2021. október 28. 12:46":            "2021-10-28T12:46:00+02:00", // Hungarian
		"2021. okt. 27., Sze, 9:31":                     "2021-10-27T09:31:00+02:00",
		"marți, 2 noiembrie 2021, 09:26:50 CET":         "2021-11-02T09:26:50+01:00", // Romanian
		"27 Eki 2021 Çar, 09:31":                        "2021-10-27T09:31:00+02:00", // Turkish
		"четверг, 28 октября 2021 г. в 12:46":           "2021-10-28T12:46:00+02:00", // Russian
		"вівторок, 2 листопада 2021 р., 09:26:50 GMT+1": "2021-11-02T09:26:50+01:00", // Ukrainian
		"2022年9月19日月曜日 17:55:44 -0400":                  "2022-09-19T17:55:44-04:00", // Japanese
		"2022年9月19日 下午5:55":                             "2022-09-19T17:55:00+02:00", // Chinese
		"2021년 10월 27일 (수) 오전 9:31":                     "2021-10-27T09:31:00+02:00", // Korean
		"2021-10-27 9:31":                               "2021-10-27T09:31:00+02:00",
		"27/10/2021 09:31":                              "2021-10-27T09:31:00+02:00",
		"10/27/2021 9:31 PM":                            "2021-10-27T21:31:00+02:00",
	} {
		if got, ok := writtenDate(in, own); !ok || got.Format(time.RFC3339) != want {
			t.Errorf("%q: got %s, %v, want %s", in, got.Format(time.RFC3339), ok, want)
		}
	}
	for _, in := range []string{
		"", "yesterday", "2 November 2021", "09:31", "3/2/2026 10:00", "31 June 2021 10:00", "2 November 2021 25:00", "2 November 2021 10:75",
		"2 November 2021, 13:00 PM", "2 listopada 2021, 10:00", "2 November 2021, 10:00 CETSubject: x", "2 November 2021, 10:00 XYZ", "2 Xember 2021, 10:00", "mar, 2 xember 2021, 10:00",
	} {
		if got, ok := writtenDate(in, own); ok {
			t.Errorf("%q was read as %v", in, got)
		}
	}
	if _, ok := writtenDate("2 November 2021, 10:00", nil); ok {
		t.Error("a date without a zone was read where no zone is known")
	}
}

func TestDateOfAnAttribution(t *testing.T) {
	for in, want := range map[string]string{
		`On 28/10/2021 12:46, "John Doe" <john@example.com> wrote:`:          "2021-10-28T12:46:00Z", // Outlook for Mac
		"Dnia 28.10.2021 12:46 użytkownik John <john@example.com> napisał:":  "2021-10-28T12:46:00Z",
		`"John Doe" <john@example.com>, 28/10/2021 12:46 tarihinde yazdı:`:   "2021-10-28T12:46:00Z",
		"On Thu, Oct 28, 2021 at 9:46 PM John Doe <john@example.com> wrote:": "2021-10-28T21:46:00Z",
		"John Doe <john@example.com> wrote:":                                 "",
		"On 3/2/2026 10:00, John Doe <john@example.com> wrote:":              "",
	} {
		got := dateWithin(in)
		if at, ok := writtenDate(got, time.UTC); ok {
			got = at.Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestForwardedDateIsInTheWritersTime(t *testing.T) {
	const forward = "Subject: Fwd: x\n%\n\n---------- Forwarded message ---------\nFrom: Carla <carla@example.net>\nDate: Tue, Mar 3, 2026 at 10:00 AM\nSubject: y\nTo: bob@example.com\n\nbody\n"
	for date, want := range map[string]string{
		"Date: Wed, 4 Mar 2026 08:00:00 +0530": "2026-03-03T10:00:00+05:30",
		"X-Date: none":                         "Tue, Mar 3, 2026 at 10:00 AM",
	} {
		f := Parse([]byte(strings.Replace(forward, "%", date, 1))).Forwarded
		if f == nil || f.Date != want {
			t.Errorf("%s: %+v", date, f)
		}
	}
}
