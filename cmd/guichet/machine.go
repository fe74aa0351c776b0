package main

import (
	"io/fs"
	"net/netip"
	"path"
	"strings"
)

// found is what init finds out about the machine instead of asking.
type found struct {
	Hostname                    string
	Postfix                     bool // a Postfix that can stand in front
	Certificate, CertificateKey string
	Locale, OtherLocale         string

	mailname string // the domain of local mail, by Debian's convention
	user     string
}

// look finds out; root is the file system of the machine.
func look(root fs.FS, hostname string, getenv func(string) (string, bool)) found {
	f := found{Hostname: fullName(root, hostname), Locale: "en", OtherLocale: "fr", user: "postmaster"}
	_, err := fs.Stat(root, "etc/postfix/main.cf")
	f.Postfix = err == nil
	if text, err := fs.ReadFile(root, "etc/mailname"); err == nil {
		f.mailname = hostName(string(text))
	}
	live := "etc/letsencrypt/live/" + f.Hostname
	chain, key := path.Join(live, "fullchain.pem"), path.Join(live, "privkey.pem")
	if readable(root, chain) && readable(root, key) {
		f.Certificate, f.CertificateKey = "/"+chain, "/"+key
	}
	for _, variable := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if lang, _ := getenv(variable); lang != "" {
			if strings.HasPrefix(lang, "fr") {
				f.Locale, f.OtherLocale = "fr", "en"
			}
			break
		}
	}
	for _, variable := range []string{"SUDO_USER", "USER", "LOGNAME"} {
		if user, _ := getenv(variable); user != "" && user != "root" && keep(user, "abcdefghijklmnopqrstuvwxyz0123456789._-") == user {
			f.user = user
			break
		}
	}
	return f
}

// fullName is the name of the machine with its domain, as /etc/hosts has it.
func fullName(root fs.FS, hostname string) string {
	hostname = hostName(hostname)
	if hostname == "" || hostname == "localhost" {
		hostname = "mx"
	}
	if strings.Contains(hostname, ".") {
		return hostname
	}
	hosts, _ := fs.ReadFile(root, "etc/hosts")
	for line := range strings.Lines(string(hosts)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		if _, err := netip.ParseAddr(fields[0]); err != nil {
			continue
		}
		for _, name := range fields[1:] {
			if name = hostName(name); strings.HasPrefix(name, hostname+".") {
				return name
			}
		}
	}
	return hostname
}

// mailDomain is the domain that mail of this machine most likely has.
func (f found) mailDomain() string {
	if strings.Contains(f.mailname, ".") {
		return f.mailname
	}
	if _, domain, _ := strings.Cut(f.Hostname, "."); strings.Contains(domain, ".") {
		return domain
	}
	if strings.Contains(f.Hostname, ".") {
		return f.Hostname
	}
	return "example.com"
}

// hostName is the text if it can be a name, in lower case.
func hostName(text string) string {
	text = strings.Trim(strings.ToLower(strings.TrimSpace(text)), ".-")
	if keep(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") != text {
		return ""
	}
	return text
}

func readable(root fs.FS, name string) bool {
	f, err := root.Open(name)
	if err != nil {
		return false
	}
	f.Close()
	return true
}
