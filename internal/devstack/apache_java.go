package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// java prepares a run of one of Kafka's classes.
func (c *ApacheCluster) java(ctx context.Context, class string, args ...string) (*exec.Cmd, error) {
	flags, err := javaFlags()
	if err != nil {
		return nil, err
	}
	flags = append(flags, "-Xmx384m", "-Dlog4j2.configurationFile="+c.file("log4j2.properties"), class)
	cmd := exec.CommandContext(ctx, "java", append(flags, args...)...)
	cmd.Dir = c.dir
	return cmd, nil
}

// javaFlags make Java start fast on few cores and find Kafka's classes. Measured on two cores: a broker answers after
// 1.2 s and 1.5 s of processor time, with neither flag after 3 to 7 s and 5.5 s.
func javaFlags() ([]string, error) {
	jars, err := findJars()
	if err != nil {
		return nil, err
	}
	return []string{
		"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", // cheap compilation; no test runs long enough to earn better
		"-XX:SharedArchiveFile=" + filepath.Join(filepath.Dir(jars), "classes.jsa"), // loaded classes; ignored if missing
		"-cp", filepath.Join(jars, "*"),
	}, nil
}

// tether has sh become what cmd runs, beside a watcher that kills it when its terminal hangs up: Java takes SIGHUP as a
// wish to end in good order, for which a broker waits minutes when the others have gone, and under nohup it ignores it.
func tether(cmd *exec.Cmd) *exec.Cmd {
	const script = `exec 3<&0; (trap '' HUP; cat <&3 >/dev/null; kill -KILL 0) & exec "$@" 3<&-`
	tethered := exec.Command("sh", append([]string{"-c", script, "sh"}, cmd.Args...)...)
	tethered.Dir = cmd.Dir
	return tethered
}

// findJars returns the directory of Kafka's jars.
func findJars() (string, error) {
	dir := os.Getenv("WASPADA_KAFKA_JARS")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(cache, "waspada", "kafka", ApacheVersion, "libs")
	}
	if jars, err := filepath.Glob(filepath.Join(dir, "kafka_*.jar")); err != nil || len(jars) == 0 {
		return "", errors.New("no Apache Kafka is installed: run `make kafka-jars` (Maven fetches 44 MB, once)")
	}
	return dir, nil
}

// tools are Kafka's own command line tools, which come as scripts in its distribution, and their classes.
var tools = map[string]string{
	"kafka-topics.sh":  "org.apache.kafka.tools.TopicCommand",
	"kafka-configs.sh": "kafka.admin.ConfigCommand",
	"kafka-acls.sh":    "org.apache.kafka.tools.AclCommand",
}

// Script prepares a run of an operator's script: Kafka's tools are on its PATH, and BOOTSTRAP and COMMAND_CONFIG tell
// them how to reach this cluster as its admin. env is put on top, "NAME=value".
func (c *ApacheCluster) Script(ctx context.Context, script string, env ...string) (*exec.Cmd, error) {
	flags, err := javaFlags()
	if err != nil {
		return nil, err
	}
	bin := c.file("bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return nil, err
	}
	for name, class := range tools {
		text := fmt.Sprintf("#!/bin/sh\nexec java '%s' %s \"$@\"\n", strings.Join(flags, "' '"), class)
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o700); err != nil {
			return nil, err
		}
	}
	cmd := exec.CommandContext(ctx, script)
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"BOOTSTRAP="+strings.Join(c.Addrs(), ","))
	if c.tls != nil {
		cmd.Env = append(cmd.Env, "COMMAND_CONFIG="+c.file("admin.properties"))
	}
	cmd.Env = append(cmd.Env, env...)
	return cmd, nil
}
