# rdflib's SPARQLStore, from Python
# pip install rdflib
from rdflib import Graph
from rdflib.plugins.stores.sparqlstore import SPARQLStore

graph = Graph(SPARQLStore("http://127.0.0.1:8080/sparql"))
rows = graph.query("""
    SELECT ?class (COUNT(*) AS ?things) { ?thing a ?class }
    GROUP BY ?class ORDER BY DESC(?things) LIMIT 5
""")
for row in rows:
    print(row[0], row[1], sep=",")
