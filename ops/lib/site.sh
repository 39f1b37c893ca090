# A tenant and a customer's site on this machine, in $folder with the programs of $bin. Sourced after common.sh.

declare -A site_pids=()
export POSTERNCTL_CONFIG=$folder/posternctl.json

ctl() { "$bin/posternctl" "$@"; }

# Makes a tenant and starts it on a free port; sets url and ca_pin and logs posternctl in. Further options are init's.
site_tenant() {
    local port
    port=$(free_port)
    url=https://localhost:$port
    "$bin/postern-tenant" init --state-dir "$folder/tenant" --host localhost --host 127.0.0.1 --public-url "$url" \
        --admin-file "$folder/admin.key" "$@" >"$folder/init.log"
    ca_pin=$("$bin/postern-tenant" show --state-dir "$folder/tenant" --field ca-pin)
    site_serve "$port"
    ctl login --url "$url" --ca-pin "$ca_pin" --key-file "$folder/admin.key" >/dev/null
}

# Starts the tenant of $folder on the given port.
site_serve() {
    "$bin/postern-tenant" serve --state-dir "$folder/tenant" --listen "127.0.0.1:$1" \
        >>"$folder/tenant.log" 2>&1 &
    site_pids[tenant]=$!
    wait_for 20 "the tenant (see $folder/tenant.log)" curl --silent --fail --cacert "$folder/tenant/ca.pem" \
        "$url/readyz"
}

# Starts nginx with a few files behind it.
site_nginx() {
    nginx_port=$(free_port)
    mkdir -p "$folder/www/private" "$folder/www/slow" "$folder/nginx"
    say "Hello from behind the postern." >"$folder/www/hello.txt"
    # 20 KiB at 16 KiB a second, which nginx counts in whole seconds: one or two of them.
    head -c 20480 /dev/zero | tr '\0' '.' >"$folder/www/slow/hello.txt"
    say "nobody may read this" >"$folder/www/private/secret.txt"
    cat >"$folder/nginx.conf" <<CONF
daemon off;
$(if [ "$(id -u)" -eq 0 ]; then echo "user root;"; fi)
pid $folder/nginx/pid;
error_log $folder/nginx/error.log;
events {}
http {
    access_log $folder/nginx/access.log;
    client_body_temp_path $folder/nginx; proxy_temp_path $folder/nginx; fastcgi_temp_path $folder/nginx;
    uwsgi_temp_path $folder/nginx; scgi_temp_path $folder/nginx;
    server {
        listen 127.0.0.1:$nginx_port;
        root $folder/www;
        default_type text/plain;
        location /slow/ { limit_rate 16k; }
    }
}
CONF
    nginx -c "$folder/nginx.conf" >"$folder/nginx.log" 2>&1 &
    site_pids[nginx]=$!
    wait_for 10 "nginx (see $folder/nginx.log)" curl --silent --fail "http://127.0.0.1:$nginx_port/hello.txt"
}

# Writes a connector's configuration that offers that nginx.
site_configuration() {
    cat >"$1" <<YAML
services:
  intranet:
    kind: http
    target: http://127.0.0.1:$nginx_port
    allow:
      - methods: [GET, HEAD]
        paths: ["/hello.txt", "/slow/*"]
YAML
}

# Registers a connector by its invitation.
site_register() {
    "$bin/postern" register "$2" --state-dir "$folder/$1" --name "$1"
}

# Runs a registered connector.
site_run() {
    "$bin/postern" run --state-dir "$folder/$1" --config "$folder/connector.yaml" >>"$folder/$1.log" 2>&1 &
    site_pids[$1]=$!
}

# Whether that many connectors are online.
site_online() {
    [ "$(ctl groups show demo --output json | grep -c '"online"')" -eq "$1" ]
}

# Whether nginx has answered that many slow requests.
site_served_by_nginx() {
    [ "$(grep -c '/slow/' "$folder/nginx/access.log")" -ge "$1" ]
}

site_all_pids() { printf '%s ' "${site_pids[@]}"; }

# Ends all that was started here, and nothing else.
site_stop() {
    local pid
    for pid in "${site_pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "${site_pids[@]}"; do
        for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    site_pids=()
}
