# curl, from a shell
# Needs nothing else.
curl --silent --show-error --fail --header "Accept: text/csv" \
  --data-urlencode "query=SELECT ?class (COUNT(*) AS ?things) { ?thing a ?class } GROUP BY ?class ORDER BY DESC(?things) LIMIT 5" \
  "http://127.0.0.1:8080/sparql"
