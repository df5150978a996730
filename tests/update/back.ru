PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX sop: <https://w3id.org/sopkg/ns#>
DELETE { ?engagement sop:role sop:Proposing . ?initiative sop:status sop:Open ; skos:note "goes on" }
INSERT { ?engagement sop:role sop:Leading . ?initiative sop:status sop:Completed }
WHERE { ?initiative skos:note "goes on" . ?engagement sop:onInitiative ?initiative ; sop:role sop:Proposing } ;
DELETE WHERE { <https://w3id.org/sopkg/id/buenos-aires/department/one-more> ?property ?value }
