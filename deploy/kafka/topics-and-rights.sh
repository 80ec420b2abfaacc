#!/usr/bin/env bash
# Makes the hub's topics and rights on Apache Kafka 4, with Kafka's own tools (kafka-topics.sh and its kin on the PATH).
#
#   BOOTSTRAP=kafka1:9093 COMMAND_CONFIG=admin.properties PARTNERS='User:bank-a;User:bank-b' \
#       deploy/kafka/topics-and-rights.sh
#
# COMMAND_CONFIG is a properties file by which the tools reach the cluster as somebody who may alter it. Run it again
# after a change, and for each new partner: topics get these settings, rights are added. It never takes anything away:
# more partitions, and a right that is to end, are for kafka-topics.sh --alter and kafka-acls.sh --remove.
#
# The brokers need: a listener with TLS and SCRAM-SHA-512 (or client certificates) for clients, an authorizer
# (org.apache.kafka.metadata.authorizer.StandardAuthorizer), auto.create.topics.enable=false,
# offsets.topic.replication.factor=3, and broker.session.timeout.ms=6000: so long a dead leader blocks its partitions.
# The hub's and the partners' users are made by
#   kafka-configs.sh --alter --entity-type users --entity-name NAME --add-config 'SCRAM-SHA-512=[password=…]'
set -euo pipefail

: "${BOOTSTRAP:?name the brokers: host:port,host:port}"
: "${INGEST:=User:ingest}" # waspadad serve --role ingest
: "${API:=User:api}"       # waspadad serve --role api; a node of role all needs both rights: INGEST and API may be one
: "${OPERATOR:=User:operator}" # waspadad audit, waspadad deadletters
: "${PARTNERS:=}"          # those who publish to Kafka themselves, separated by semicolons
: "${REPORTS:=waspada.reports.v1}" "${CHANGES:=waspada.changes.v1}" "${DEAD_LETTERS:=waspada.deadletters.v1}"
: "${GROUP:=waspada-ingest}"
: "${REPLICAS:=3}" "${MIN_IN_SYNC:=2}" # acknowledged = held by two brokers: one may be lost, with one down none may

# topic NAME PARTITIONS RETENTION. What it says of a topic, schemas/asyncapi.v1.yaml says too, and why.
topic() {
    tool kafka-topics.sh --create --if-not-exists --topic "$1" --partitions "$2" --replication-factor "$REPLICAS"
    tool kafka-configs.sh --alter --entity-type topics --entity-name "$1" --add-config "$(
        printf '%s,' "retention.ms=$3" cleanup.policy=delete message.timestamp.type=LogAppendTime \
            max.message.bytes=2097152 "min.insync.replicas=$MIN_IN_SYNC" unclean.leader.election.enable=false)"
}

# allow USERS OPERATION RESOURCES: the users, separated by semicolons, may do one thing with topics and groups.
allow() {
    local users=() user
    while IFS= read -r -d ';' user; do
        [ -z "$user" ] || users+=(--allow-principal "$user")
    done <<<"$1;"
    tool kafka-acls.sh --add "${users[@]}" --operation "$2" "${@:3}" >/dev/null
}

tool() {
    "$1" --bootstrap-server "$BOOTSTRAP" ${COMMAND_CONFIG:+--command-config "$COMMAND_CONFIG"} "${@:2}"
}

day=86400000 # in milliseconds

topic "$REPORTS"      12 $((30 * day)) # at least: what ClickHouse loses is read again from here
topic "$CHANGES"      12 $((7 * day))  # older opinions are loaded from ClickHouse
topic "$DEAD_LETTERS"  3 $((30 * day))

# Kafka does not tell a reader who produced, so the right to write is what keeps `changes` true.
allow "$INGEST;$OPERATOR"         Read  --topic "$REPORTS" --group "$GROUP"
allow "$INGEST"                   Write --topic "$CHANGES" --topic "$DEAD_LETTERS"
# An api node that starts reads when the oldest report was made that the ledger does not hold yet.
allow "$API"                      Read  --topic "$CHANGES" --topic "$REPORTS"
# An api node signs and sends for those who report over HTTP; an operator sends again what was refused by mistake.
allow "$API;$PARTNERS;$OPERATOR"  Write --topic "$REPORTS"
