# An initiative in two stages at once clashes with nothing; one that is an actor too does.
PREFIX sop: <https://w3id.org/sopkg/ns#>
INSERT { ?initiative a sop:Actor } WHERE { SELECT ?initiative { ?initiative a sop:Initiative } ORDER BY ?initiative LIMIT 1 }
