# What is completed goes on without a leading actor, and a department is recorded that no source names.
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX sop: <https://w3id.org/sopkg/ns#>
DELETE { ?engagement sop:role sop:Leading . ?initiative sop:status sop:Completed }
INSERT { ?engagement sop:role sop:Proposing . ?initiative sop:status sop:Open ; skos:note "goes on" }
WHERE { ?initiative sop:status sop:Completed . ?engagement sop:onInitiative ?initiative ; sop:role sop:Leading } ;
INSERT DATA { <https://w3id.org/sopkg/id/buenos-aires/department/one-more> a sop:Department ; rdfs:label "One more" ; sop:city <https://w3id.org/sopkg/id/buenos-aires> }
