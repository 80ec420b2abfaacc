package main

import (
	"crypto/x509"
	"encoding/pem"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/waspada-hub/waspada/pkg/client"
	"github.com/waspada-hub/waspada/pkg/fraud"
)

// subjectFlags say which client certificate proves to be a partner.
type subjectFlags struct {
	subject, file string
	scopes        []string
}

func (s *subjectFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&s.file, "certificate", "", "file with its client certificate (PEM), whose subject is registered")
	flags.StringVar(&s.subject, "mtls-subject", "", "that subject itself: CN=hub.bank-kancil.example,O=Bank Kancil,C=MY")
	flags.StringSliceVar(&s.scopes, "mtls-scopes", nil, "what that certificate may do: lookup, report, analyse, admin")
}

// read returns the subject and the scopes.
func (s *subjectFlags) read() (string, []string, error) {
	scopes := slices.DeleteFunc(slices.Clone(s.scopes), func(name string) bool { return name == "" })
	if _, err := fraud.ParseScopes(scopes...); err != nil {
		return "", nil, usage("--mtls-scopes: %v", err)
	}
	if s.file == "" {
		if s.subject != "" {
			if err := fraud.CheckSubject(s.subject); err != nil {
				return "", nil, usage("--mtls-subject: %v", err)
			}
		}
		return s.subject, scopes, nil
	}
	if s.subject != "" {
		return "", nil, usage("--certificate and --mtls-subject say the same: give one of them")
	}
	data, err := os.ReadFile(s.file)
	if err != nil {
		return "", nil, usage("--certificate: %v", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return "", nil, usage("--certificate: %s holds no certificate in PEM form", s.file)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", nil, usage("--certificate: %s holds no certificate that can be read", s.file)
	}
	subject, err := fraud.SubjectText(certificate.RawSubject)
	if err != nil {
		return "", nil, usage("--certificate: %s: %v", s.file, err)
	}
	return subject, scopes, nil
}

// quotaNames are the quotas of a partner.
var quotaNames = []string{"requests", "indicators", "distinct", "listings", "retractions"}

func newPartnerSet(a *app) *cobra.Command {
	var (
		name, organisation, reason string
		kind                       fraud.PartnerKind
		weight                     float64
		quotas                     map[string]int
		licensed                   bool
		users                      uint64
		groups, platforms          []string
		certificate                subjectFlags
	)
	cmd := &cobra.Command{
		Use: "set ID --reason TEXT [--weight W] [--quotas NAME=N,…] …", Short: "Change what the hub holds of a partner",
		Long: text(`
set changes what is named and leaves the rest. --organisation "" makes the partner its own; a quota of 0 is the
hub's default; --mtls-subject "" ends its certificate. No partner becomes an authority: add that as its own.`),
		Example: `  waspada partner set bank-kancil --quotas distinct=2000000 --reason "screens its whole book"
  waspada partner set bank-kancil --certificate bank-kancil.pem --mtls-scopes lookup,report --reason "as agreed"`,
		Args: onePartner,
	}
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "its name, for people")
	addWord(cmd, &kind, "kind", "", "what it is")
	flags.StringVar(&organisation, "organisation", "", "whom it belongs to")
	flags.Float64Var(&weight, "weight", 1, "how much its word counts, 0 to 1")
	flags.StringToIntVar(&quotas, "quotas", nil, "what it may: "+strings.Join(quotaNames, ", "))
	flags.BoolVar(&licensed, "licensed-platform", false, "it is a platform licensed under the Online Safety Act")
	flags.Uint64Var(&users, "users", 0, "how many people use it in Malaysia")
	flags.StringSliceVar(&groups, "sharing-groups", nil, `the sharing groups that it belongs to; "" for none`)
	flags.StringSliceVar(&platforms, "platforms", nil, `the platforms that it runs: facebook,instagram; "" for none`)
	certificate.add(flags)
	flags.StringVar(&reason, "reason", "", "why, for the audit")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		subject, scopes, err := certificate.read()
		if err != nil {
			return err
		}
		for quota := range maps.Keys(quotas) {
			if !slices.Contains(quotaNames, quota) {
				return usage("--quotas: unknown quota; one of %s", strings.Join(quotaNames, ", "))
			}
		}
		word := kind.String()
		change := client.PartnerChange{Reason: reason, Quotas: quotas, Name: given(flags, "name", &name),
			Kind: given(flags, "kind", &word), Organisation: given(flags, "organisation", &organisation),
			SharingGroups: given(flags, "sharing-groups", &groups), Platforms: given(flags, "platforms", &platforms),
			Weight: given(flags, "weight", &weight), Licensed: given(flags, "licensed-platform", &licensed),
			Users: given(flags, "users", &users), SubjectScopes: given(flags, "mtls-scopes", &scopes)}
		if flags.Changed("mtls-subject") || flags.Changed("certificate") {
			change.Subject = &subject
		}
		switch {
		case reason == "":
			return usage("--reason is needed: the audit keeps it")
		case flags.NFlag() == inherited(cmd)+1:
			return usage("name something to change; see waspada partner set --help")
		}
		return a.changePartner(cmd, args[0], func(hub *client.Client, p client.Partner) (client.Partner, error) {
			return hub.ChangePartner(cmd.Context(), p.ID, p.Revision, change)
		})
	}
	return cmd
}

// given is a flag's value, nil where it was not given.
func given[T any](flags *pflag.FlagSet, name string, value *T) *T {
	if !flags.Changed(name) {
		return nil
	}
	return value
}

// inherited counts the flags that were given and are not the command's own.
func inherited(cmd *cobra.Command) (n int) {
	cmd.InheritedFlags().Visit(func(*pflag.Flag) { n++ })
	return n
}

// changePartner reads a partner, changes it as it was read, and shows what it has become.
func (a *app) changePartner(
	cmd *cobra.Command, id string, change func(*client.Client, client.Partner) (client.Partner, error),
) error {
	hub, err := a.hub()
	if err != nil {
		return err
	}
	p, err := hub.Partner(cmd.Context(), id)
	if err != nil {
		return err
	}
	if p, err = change(hub, p); err != nil {
		return err
	}
	return a.showPartner(p)
}
