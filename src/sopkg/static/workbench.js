// The workbench where scripts run: the editor and the table of YASGUI in place of the plain form's.
"use strict";

(async () => {
  const form = document.getElementById("workbench");
  const field = form.elements.query;
  const choices = ["city", "as-of", "entailment"];
  const words = await (await fetch(form.dataset.words)).json();
  const { Yasqe, Yasr } = Yasgui;
  const prefixes = Object.entries(words.prefixes).map(([name, iri]) => `${name}: <${iri}>`).sort();
  let asked = null; // what the answer that is shown was asked

  const shortened = (iri) => {
    const [name, start] = Object.entries(words.prefixes).find(([, each]) => iri.startsWith(each)) ?? [];
    const local = start === undefined ? "" : iri.slice(start.length);
    return /^[\w-]+$/.test(local) ? `${name}:${local}` : `<${iri}>`;
  };

  // A term is offered where its name, its prefixed name, its IRI or its label begins so; the label stands beside it.
  const fits = (iri, label, text) =>
    [iri, shortened(iri), iri.replace(/^.*[#/]/, ""), label].some((each) => each.toLowerCase().startsWith(text));
  const completer = (sort) => ({
    name: sort,
    bulk: false,
    autoShow: false,
    get: (_, token) => {
      const text = token.string.replace(/^</, "").toLowerCase();
      return Object.entries(words[sort]).filter(([iri, label]) => fits(iri, label, text)).map(([iri]) => iri);
    },
    preProcessToken: (_, token) => token,
    postProcessSuggestion: (_, token, iri) => (token.string.startsWith("<") ? `<${iri}>` : shortened(iri)),
    postprocessHints: (_, hints) => hints.map((hint) => ({ ...hint, displayText: described(hint.text, sort) })),
  });
  const described = (text, sort) => {
    const [, label] = Object.entries(words[sort]).find(([iri]) => text === shortened(iri)) ?? [];
    return label ? `${text}  ${label}` : text;
  };

  Yasqe.forkAutocompleter("class", completer("class"));
  Yasqe.forkAutocompleter("property", completer("property"));
  Yasqe.forkAutocompleter("prefixes", { name: "prefixes", bulk: true, get: prefixes, persistenceId: null });

  const given = new URLSearchParams(location.hash.slice(1));
  for (const name of choices) if (given.has("query")) form.elements[name].value = given.get(name) ?? "";

  const editor = document.getElementById("editor");
  editor.hidden = false;
  const yasqe = new Yasqe(editor, {
    value: given.get("query") ?? field.value,
    autocompleters: ["variables", "prefixes", "class", "property"],
    consumeShareLink: null,
    createShareableLink: null,
    showQueryButton: false,
    persistenceId: null,
    prefixCcApi: null,
    resizeable: false,
    requestConfig: { endpoint: new URL(form.dataset.endpoint, location.href).href, args: () => chosen() },
  });
  const named = (element, id, label) => {
    element.id = id;
    if (label) element.setAttribute("aria-label", label);
  };
  named(yasqe.getInputField(), "editor-text", document.querySelector("label[for=query]").textContent);
  document.querySelector("label[for=query]").addEventListener("click", () => yasqe.focus());
  document.getElementById("keys").hidden = false;
  field.hidden = true;
  field.required = false;

  // The table as it comes hands stored text to a parser of HTML, which makes nothing of a script in it but has it
  // reported, and cuts an IRI at an apostrophe. Here only escaped text gets there, and what is ours is a link to us.
  const escaped = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
  class Table extends Yasr.plugins.table {
    getUriLinkFromBinding({ value }) {
      const { base, root } = form.dataset;
      const place = value.startsWith(base) ? root + value.slice(base.length) : value;
      const name = escaped(shortened(value));
      return /^(https?:\/\/|\/(?!\/))/.test(place) ? `<a class="iri" href="${escaped(place)}">${name}</a>` : name;
    }

    getColumns() {
      return super.getColumns().map((column) => ({
        ...column,
        render: (cell, type, ...others) =>
          cell?.value !== undefined && (!type || ["filter", "sort"].includes(type))
            ? escaped(cell.value)
            : column.render(cell, type, ...others),
      }));
    }
  }
  Yasr.registerPlugin("table", Table);
  const yasr = new Yasr(document.getElementById("result"), {
    persistenceId: null,
    prefixes: () => ({ ...words.prefixes, ...yasqe.getPrefixesFromQuery() }),
  });
  yasr.on("drawn", () => {
    for (const [at, each] of yasr.rootEl.querySelectorAll("input, select").entries()) {
      named(each, `result-${at}`, each.matches("select") ? each.previousElementSibling.textContent : "");
    }
  });
  const chosen = () =>
    choices.filter((name) => form.elements[name].value).map((name) => ({ name, value: form.elements[name].value }));
  const address = () => new URLSearchParams([["query", yasqe.getValue()], ...chosen().map((each) => Object.values(each))]);
  const show = (id, shown) => { document.getElementById(id).hidden = !shown; };

  yasqe.on("query", () => { asked = address(); });
  yasqe.on("queryResponse", (_, response, duration) => {
    history.replaceState(null, "", `${location.pathname}${location.search}#${asked}`);
    show("plain", false);
    show("shared", true);
    show("problem", response instanceof Error);
    show("result", !(response instanceof Error));
    show("downloads", !(response instanceof Error));
    if (response instanceof Error) return tell(response.message);
    yasr.setResponse(response, duration);
    offer();
  });

  // What the service says of a fault is a problem document (RFC 9457); what is none is told as it came.
  const tell = (text) => {
    let told = { detail: text };
    try { told = JSON.parse(text); } catch { /* no document */ }
    document.querySelector("#problem [data-detail]").textContent = told.detail ?? told.title ?? text;
  };

  const offer = () => {
    const graph = ["CONSTRUCT", "DESCRIBE"].includes(yasqe.getQueryType());
    const links = form.dataset[graph ? "graph" : "rows"].split(" ").map((format) => {
      const link = document.createElement("a");
      link.href = `${form.dataset.endpoint}?${asked}&format=${format}`;
      link.textContent = format.toUpperCase();
      return link;
    });
    document.querySelector("#downloads [data-links]").replaceChildren(...links.flatMap((each, at) => (at ? [", ", each] : [each])));
  };

  const run = () => yasqe.query().catch(() => {}); // a fault is told where it is answered
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  if (given.has("query")) run();
})();
