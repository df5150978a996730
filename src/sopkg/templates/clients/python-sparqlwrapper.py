# SPARQLWrapper, from Python
# pip install SPARQLWrapper
from SPARQLWrapper import JSON, SPARQLWrapper

endpoint = SPARQLWrapper("http://127.0.0.1:8080/sparql", returnFormat=JSON)
endpoint.setQuery("""
    SELECT ?class (COUNT(*) AS ?things) { ?thing a ?class }
    GROUP BY ?class ORDER BY DESC(?things) LIMIT 5
""")
for row in endpoint.queryAndConvert()["results"]["bindings"]:
    print(row["class"]["value"], row["things"]["value"], sep=",")
