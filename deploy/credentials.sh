#!/bin/sh
# Makes the credentials of a cluster, in a new directory: certificates, passwords, the users of Redis and of the registries.
#
#   credentials.sh DIRECTORY NAME...
#
# The NAMEs are the host names and addresses that the servers are reached by.
#
#   ca/          the authority: its key is needed for nothing but more certificates
#   redis/       for Redis: server.crt, server.key, ca.crt, users.acl
#   registry/    for the registries: server.crt, server.key, htpasswd (of workers), htpasswd.clients, htpasswd.contexts
#   worker/ client/ admin/
#                for those: tls.crt, tls.key, ca.crt, queue-password, config.json (Docker's, for the registries)
set -eu
umask 077

if [ $# -lt 2 ]; then
  echo "Usage: $0 DIRECTORY NAME..." >&2
  exit 2
fi
directory=$1
shift
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
mkdir "$directory"
cd "$directory"
mkdir ca redis registry worker client admin

new_key() {
  openssl ecparam -genkey -name prime256v1 -noout -out "$1"
}

# sign KEY CERTIFICATE NAME EXTENSIONS
sign() {
  openssl req -new -key "$1" -subj "/CN=$3" -out request.csr
  printf '%s\n' "$4" >extensions.cnf
  openssl x509 -req -in request.csr -CA ca/ca.crt -CAkey ca/ca.key -CAcreateserial -days 825 \
    -extfile extensions.cnf -out "$2" 2>/dev/null
  rm request.csr extensions.cnf
}

new_password() {
  openssl rand -hex 24
}

new_key ca/ca.key
openssl req -x509 -new -key ca/ca.key -subj '/CN=OBuilder cluster' -days 3650 -out ca/ca.crt

names=
for name; do
  case $name in
  *[!0-9.]*) names=$names,DNS:$name ;;
  *) names=$names,IP:$name ;;
  esac
done
for server in redis registry; do
  new_key $server/server.key
  sign $server/server.key $server/server.crt "$1" "extendedKeyUsage=serverAuth
subjectAltName=${names#,}"
  cp ca/ca.crt $server/
done

cp "$here/users.acl" redis/users.acl
: >registry/htpasswd
: >registry/htpasswd.clients
: >registry/htpasswd.contexts
for role in worker client admin; do
  new_key $role/tls.key
  sign $role/tls.key $role/tls.crt $role extendedKeyUsage=clientAuth
  cp ca/ca.crt $role/

  new_password >$role/queue-password
  hash=$(tr -d '\n' <$role/queue-password | openssl dgst -sha256 -r | cut -d ' ' -f 1)
  sed "s/#$role-password/#$hash/" redis/users.acl >redis/users.acl.new
  mv redis/users.acl.new redis/users.acl

  # Workers push layers; clients can only pull them, from a registry that is read-only. Both push and pull build contexts.
  [ $role = admin ] && continue
  password=$(new_password)
  line=$(printf '%s\n' "$password" | htpasswd -niB $role)
  [ $role = worker ] && printf '%s\n' "$line" >>registry/htpasswd
  printf '%s\n' "$line" >>registry/htpasswd.clients
  printf '%s\n' "$line" >>registry/htpasswd.contexts
  auth=$(printf '%s:%s' $role "$password" | openssl base64 -A)
  printf '{ "auths": {' >$role/config.json
  separator=
  for name; do
    for port in ${REGISTRY_PORTS:-5000 5001 5002}; do
      printf '%s\n  "%s:%s": { "auth": "%s" }' "$separator" "$name" "$port" "$auth" >>$role/config.json
      separator=,
    done
  done
  printf '\n} }\n' >>$role/config.json
done
rm -f ca/ca.srl
