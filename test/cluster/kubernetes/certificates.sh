# shellcheck shell=bash
# Keys, certificates and kubeconfigs of a cluster, in $PKI and $RUN.

# issue NAME CN O [SAN]
issue() {
  local name=$1 cn=$2 organization=$3 san=${4:-}
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$PKI/$name.key" \
    -subj "/O=$organization/CN=$cn" -out "$PKI/$name.csr" 2>/dev/null
  {
    echo "keyUsage=digitalSignature"
    echo "extendedKeyUsage=clientAuth,serverAuth"
    [ -z "$san" ] || echo "subjectAltName=$san"
  } >"$PKI/$name.ext"
  openssl x509 -req -in "$PKI/$name.csr" -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -set_serial "0x$(openssl rand -hex 8)" \
    -days 3650 -extfile "$PKI/$name.ext" -out "$PKI/$name.crt" 2>/dev/null
}

# kubeconfig FILE CERTIFICATE PORT: whole in itself, so that it can be copied.
kubeconfig() {
  cat >"$1" <<Y
apiVersion: v1
kind: Config
clusters: [{name: "$NAME", cluster: {server: "https://127.0.0.1:$3", certificate-authority-data: $(base64 -w0 "$PKI/ca.crt")}}]
users: [{name: "$NAME", user: {client-certificate-data: $(base64 -w0 "$PKI/$2.crt"), client-key-data: $(base64 -w0 "$PKI/$2.key")}}]
contexts: [{name: "$NAME", context: {cluster: "$NAME", user: "$NAME"}}]
current-context: "$NAME"
Y
}

make_certificates() {
  mkdir -p "$PKI"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$PKI/ca.key" -out "$PKI/ca.crt" \
    -days 3650 -subj "/CN=$NAME" -addext basicConstraints=critical,CA:TRUE \
    -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$PKI/sa.key" 2>/dev/null
  openssl rsa -in "$PKI/sa.key" -pubout -out "$PKI/sa.pub" 2>/dev/null
  issue apiserver kube-apiserver kubernetes "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:127.0.0.1,IP:$NODE_ADDRESS,IP:$API_ADDRESS"
  issue admin admin system:masters
  issue controller-manager system:kube-controller-manager kubernetes
  issue scheduler system:kube-scheduler kubernetes
  issue kubelet "system:node:$NODE" system:nodes "DNS:$NODE,IP:$NODE_ADDRESS,IP:127.0.0.1"
  issue proxy system:kube-proxy kubernetes
  issue front-proxy front-proxy front-proxy
  local name
  for name in admin controller-manager scheduler kubelet proxy; do
    kubeconfig "$RUN/$name.kubeconfig" "$name" "$API_PORT"
  done
}
