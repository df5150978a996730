// Comunica, from JavaScript
// npm install @comunica/query-sparql
import { QueryEngine } from "@comunica/query-sparql";

const query = `
  SELECT ?class (COUNT(*) AS ?things) { ?thing a ?class }
  GROUP BY ?class ORDER BY DESC(?things) LIMIT 5
`;
const sources = [{ type: "sparql", value: "http://127.0.0.1:8080/sparql" }];
const rows = await new QueryEngine().queryBindings(query, { sources });
for (const row of await rows.toArray()) {
  console.log(`${row.get("class").value},${row.get("things").value}`);
}
