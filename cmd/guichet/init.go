package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"guichet/config"
	"guichet/doctor"
)

type initCommand struct {
	Dir    string   `default:"." placeholder:"DIR" help:"Directory of guichet.yaml; else this one."`
	Data   string   `placeholder:"DIR" help:"Directory of the store and the keys; else guichet-data beside the file, or /var/lib/guichet for a file under /etc."`
	Domain string   `placeholder:"DOMAIN" help:"Domain of the support address; a DKIM key is made for it. Else example.com, to be changed."`
	Agent  []string `placeholder:"ADDRESS" help:"Who answers; may be repeated. Else you, at the domain."`
}

func (initCommand) Help() string {
	return example("guichet init", "guichet init --dir /etc/guichet --domain acme.example --agent anna@acme.example")
}

// selector names the DKIM record that init asks to publish.
const selector = "guichet"

//go:embed guichet.yaml.tmpl
var settingsText string

var settingsTemplate = template.Must(template.New("guichet.yaml").Option("missingkey=error").Parse(settingsText))

// Run writes the settings and what keys are missing. It finds out what it can
// about the machine, asks nothing, and never overwrites.
func (c initCommand) Run(p *program) error {
	if p.configFlag != "" {
		return usageError("init writes guichet.yaml into the directory of --dir; -c names a file to read")
	}
	file := filepath.Join(p.path(c.Dir), "guichet.yaml")
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already and is left as it is; nothing was written", file)
	}
	host, _ := os.Hostname()
	plan, err := c.plan(look(os.DirFS("/"), host, p.Getenv), file)
	if err != nil {
		return err
	}
	// A wrong --domain or --agent must not leave keys behind.
	if err := p.rightSettings(file, plan.settings(false)); err != nil {
		return usageError("these settings would not do:\n" + err.Error())
	}
	made, err := plan.keys()
	if err != nil {
		return err
	}
	text := plan.settings(true)
	if err := p.rightSettings(file, text); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	// Everybody may read it: it names secrets and holds none.
	if err := writeNew(file, text, 0o644); err != nil {
		return err
	}
	return p.tellNext(plan, append(made, file))
}

// rightSettings is what check would say of the text.
func (p *program) rightSettings(file, text string) error {
	_, err := config.Parse(file, []byte(text), p.Getenv)
	return err
}

// tellNext says what was made and what is left to a person.
func (p *program) tellNext(plan *plan, made []string) error {
	out := p.Stdout
	for _, path := range made {
		fmt.Fprintf(out, "%s %s\n", p.style.good("wrote"), path)
	}
	fmt.Fprintf(out, "\n%s\n", p.style.bold("Next:"))
	steps := []string{
		fmt.Sprintf("Look through %s: the address is help@%s and %s.", plan.File, plan.Domain, answers(plan.agents)),
		fmt.Sprintf("Copy %s to another place: without it the store cannot be read.", plan.masterKey),
	}
	if plan.record != "" {
		steps = append(steps, "Publish in DNS:\n   "+strings.ReplaceAll(plan.record, "\n", "\n   "))
	}
	if plan.Postfix {
		steps = append(steps, fmt.Sprintf("Tell Postfix, in its transport map: help@%s smtp:[127.0.0.1]:2525", plan.Domain))
	} else {
		steps = append(steps, fmt.Sprintf("Let the MX record of %s point at %s, port 25.", plan.Domain, plan.Hostname))
	}
	steps = append(steps, fmt.Sprintf("guichet check -c %s && guichet serve -c %s", plan.File, plan.File),
		fmt.Sprintf("guichet doctor -c %s tells what DNS still lacks.", plan.File))
	for i, step := range steps {
		fmt.Fprintf(out, "%d. %s\n", i+1, step)
	}
	return nil
}

func answers(agents []string) string {
	if len(agents) == 1 {
		return agents[0] + " answers"
	}
	return strings.Join(agents, ", ") + " answer"
}

// plan is what the settings will say.
type plan struct {
	found
	File, Data, Domain, Site, Prefix, Organisation string
	Admin, Agents, Help, ClientNumber, Selector    string
	DKIM                                           string // the key's path as written, or ""

	agents    []string
	dkimKey   string // the key's path on the disk
	masterKey string
	record    string // to publish
}

// plan decides, from what was found and what was said.
func (c initCommand) plan(f found, file string) (*plan, error) {
	p := &plan{found: f, File: file, Selector: selector, agents: c.Agent, Data: c.Data}
	p.Domain = strings.ToLower(strings.TrimSuffix(c.Domain, "."))
	if p.Domain == "" {
		p.Domain = f.mailDomain()
	}
	if !strings.Contains(p.Hostname, ".") {
		p.Hostname += "." + p.Domain
	}
	if len(p.agents) == 0 {
		p.agents = []string{f.user + "@" + p.Domain}
	}
	for _, value := range append([]string{p.Domain, p.Data}, p.agents...) {
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || strings.ContainsRune(`"',[]{}#`, r) }) {
			return nil, usageError(fmt.Sprintf("%q cannot stand in the settings", value))
		}
	}
	p.Admin, p.Agents, p.Help = p.agents[0], strings.Join(p.agents, ", "), "help@"+p.Domain
	p.Site, p.Prefix = siteNames(p.Domain)
	p.Organisation = strings.ToUpper(p.Site[:1]) + p.Site[1:]
	p.ClientNumber = fmt.Sprintf("%s-%s-%s", p.Prefix, rand.Text()[:4], rand.Text()[:3])
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	if p.Data == "" {
		p.Data = "guichet-data"
		if strings.HasPrefix(dir+"/", "/etc/") {
			p.Data = "/var/lib/guichet"
		}
	}
	data := p.Data
	if !filepath.IsAbs(data) {
		data = filepath.Join(filepath.Dir(file), data)
	}
	p.masterKey = filepath.Join(data, "master.key")
	if c.Domain != "" {
		name := "dkim-" + p.Domain + ".pem"
		p.DKIM, p.dkimKey = filepath.Join(p.Data, name), filepath.Join(data, name)
	}
	return p, nil
}

// settings is the file, with its DKIM key or without.
func (p *plan) settings(signed bool) string {
	said := *p
	if !signed {
		said.DKIM = ""
	}
	var text strings.Builder
	if err := settingsTemplate.Execute(&text, &said); err != nil {
		panic(err) // a constant of ours; a test runs each of its branches
	}
	return text.String()
}

// siteNames makes a name and a prefix of the first label of a domain.
func siteNames(domain string) (site, prefix string) {
	label, _, _ := strings.Cut(domain, ".")
	site = strings.Trim(keep(label, "abcdefghijklmnopqrstuvwxyz0123456789-"), "-")
	prefix = strings.TrimLeft(strings.ToUpper(keep(label, "abcdefghijklmnopqrstuvwxyz0123456789")), "0123456789")
	if site = site[:min(len(site), 32)]; site == "" {
		site = "main"
	}
	if prefix = prefix[:min(len(prefix), 3)]; len(prefix) < 2 {
		prefix = "TKT"
	}
	return site, prefix
}

func keep(s, wanted string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(wanted, r) {
			return r
		}
		return -1
	}, s)
}

// keys makes the keys that are not there yet and names the files that it wrote.
func (p *plan) keys() (made []string, err error) {
	if err := os.MkdirAll(filepath.Dir(p.masterKey), 0o700); err != nil {
		return nil, err
	}
	secret := make([]byte, 32)
	rand.Read(secret) // never fails; the runtime stops the program instead
	text := "# Everything personal in Guichet's store is sealed under this key.\n" +
		"# Keep a copy elsewhere: without it the store cannot be read by anybody.\n" +
		"guichet-master-key-1 " + base64.StdEncoding.EncodeToString(secret) + "\n"
	switch err := writeNew(p.masterKey, text, 0o600); {
	case err == nil:
		made = append(made, p.masterKey)
	case !errors.Is(err, fs.ErrExist):
		return made, err
	}
	if p.dkimKey == "" {
		return made, nil
	}
	wrote, err := p.signingKey()
	if wrote {
		made = append(made, p.dkimKey)
	}
	return made, err
}

// signingKey makes a DKIM key, or reads the one that is there, and the record
// that belongs to it (RFC 6376 §3.6.1). RSA, because not every receiver
// verifies Ed25519.
func (p *plan) signingKey() (wrote bool, err error) {
	key, err := readSigningKey(p.dkimKey)
	if errors.Is(err, fs.ErrNotExist) {
		if key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return false, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return false, err
		}
		block := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		if err := writeNew(p.dkimKey, string(block), 0o600); err != nil {
			return false, err
		}
		wrote = true
	}
	if err != nil {
		return wrote, err
	}
	p.record, err = doctor.DKIMRecord(p.Selector, p.Domain, &key.PublicKey)
	return wrote, err
}

func readSigningKey(path string) (*rsa.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s is there already and is no PEM file", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := key.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("%s is there already and is no RSA key in PKCS #8", path)
	}
	return private, nil
}

// writeNew makes a file that must not be there yet, whole and on the disk.
func writeNew(path, text string, mode fs.FileMode) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}
