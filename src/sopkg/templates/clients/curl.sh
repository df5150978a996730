# curl, from a shell
# Needs nothing else.
curl --silent --show-error --fail --header "Accept: text/csv" "http://127.0.0.1:8080/sparql" --data-urlencode "query=
  SELECT ?class (COUNT(*) AS ?things) { ?thing a ?class }
  GROUP BY ?class ORDER BY DESC(?things) LIMIT 5"
