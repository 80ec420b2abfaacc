package devstack

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
)

// listeners are the ports of one broker, one for each kind of caller.
//
//	CLIENT      clients
//	PROXIED     clients that come through a proxy, if there is one: what it advertises is the proxy's address
//	INTERNAL    the other brokers
//	CONTROLLER  the other controllers
type listeners struct {
	ports   map[string]int
	proxied string // what PROXIED advertises; empty for none
}

func newListeners(proxied string) (listeners, error) {
	l := listeners{ports: map[string]int{}, proxied: proxied}
	for _, name := range l.names() {
		port, err := FreePort()
		if err != nil {
			return l, err
		}
		l.ports[name] = port
	}
	return l, nil
}

func (l listeners) names() []string {
	if l.proxied == "" {
		return []string{"CLIENT", "INTERNAL", "CONTROLLER"}
	}
	return []string{"CLIENT", "PROXIED", "INTERNAL", "CONTROLLER"}
}

// addr is the "host:port" where a listener listens.
func (l listeners) addr(name string) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(l.ports[name]))
}

// list writes one term for each listener, as Kafka lists them.
func (l listeners) list(term func(name string) string) string {
	var terms []string
	for _, name := range l.names() {
		if text := term(name); text != "" {
			terms = append(terms, text)
		}
	}
	return strings.Join(terms, ",")
}

const (
	scramModule = "org.apache.kafka.common.security.scram.ScramLoginModule"
	// brokerName is whom the brokers' certificate names.
	brokerName = "waspada-broker"
)

// properties are the broker's server.properties.
func (b *ApacheBroker) properties(settings map[string]string) []byte {
	var out bytes.Buffer
	set := func(name, format string, args ...any) { fmt.Fprintf(&out, name+"="+format+"\n", args...) }

	var voters []string
	for _, other := range b.cluster.brokers {
		voters = append(voters, fmt.Sprintf("%d@%s", other.id, other.ports.addr("CONTROLLER")))
	}
	set("process.roles", "broker,controller")
	set("node.id", "%d", b.id)
	set("controller.quorum.voters", "%s", strings.Join(voters, ","))
	set("log.dirs", "%s", b.dataDir)

	set("listeners", "%s", b.ports.list(func(name string) string { return name + "://" + b.ports.addr(name) }))
	set("advertised.listeners", "%s", b.ports.list(func(name string) string {
		switch name {
		case "PROXIED":
			return name + "://" + b.ports.proxied
		case "CONTROLLER": // not for clients
			return ""
		default:
			return name + "://" + b.ports.addr(name)
		}
	}))
	set("controller.listener.names", "CONTROLLER")
	set("inter.broker.listener.name", "INTERNAL")
	set("listener.security.protocol.map", "%s", b.ports.list(func(name string) string {
		return name + ":" + b.protocol(name)
	}))
	if b.cluster.tls != nil {
		set("sasl.enabled.mechanisms", "SCRAM-SHA-512")
		for _, name := range b.ports.names() {
			if b.protocol(name) == "SASL_SSL" {
				set("listener.name."+strings.ToLower(name)+".scram-sha-512.sasl.jaas.config", "%s required;", scramModule)
			} else {
				set("listener.name."+strings.ToLower(name)+".ssl.client.auth", "required")
			}
		}
		set("ssl.keystore.type", "PEM")
		set("ssl.keystore.location", "%s", b.cluster.file("brokers.pem"))
		set("ssl.truststore.type", "PEM")
		set("ssl.truststore.location", "%s", b.cluster.CAFile())
		set("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer")
		set("super.users", "User:CN=%s;User:%s", brokerName, ApacheAdmin)
	}

	replicas := len(b.cluster.brokers)
	inSync := max(1, replicas-1)
	set("default.replication.factor", "%d", replicas)
	set("min.insync.replicas", "%d", inSync)
	set("offsets.topic.replication.factor", "%d", replicas)
	set("offsets.topic.num.partitions", "8") // by default 50, each with its files
	set("transaction.state.log.replication.factor", "%d", replicas)
	set("transaction.state.log.min.isr", "%d", inSync)
	set("auto.create.topics.enable", "false")
	set("message.max.bytes", "4194304")
	set("group.initial.rebalance.delay.ms", "0")
	set("broker.session.timeout.ms", "6000")          // a dead leader blocks its partitions so long; by default 9 s
	set("log.cleaner.dedupe.buffer.size", "16777216") // by default 128 MB, a third of the heap
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		set(name, "%s", settings[name])
	}
	return out.Bytes()
}

// protocol is how a listener is secured: clients by password, brokers and controllers by certificate.
func (b *ApacheBroker) protocol(listener string) string {
	switch {
	case b.cluster.tls == nil:
		return "PLAINTEXT"
	case listener == "CLIENT" || listener == "PROXIED":
		return "SASL_SSL"
	default:
		return "SSL"
	}
}

const apacheLogging = `rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %c: %m%n
`
