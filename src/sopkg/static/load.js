// A file can be dropped on the form; one that is too large is told before it is sent.
"use strict";

(() => {
  const form = document.getElementById("load");
  if (!form) return;
  const { file } = form.elements;
  const said = document.getElementById("too-large");
  const tell = () => {
    said.hidden = !file.files.length || file.files[0].size <= Number(form.dataset.largest);
    file.setCustomValidity(said.hidden ? "" : said.textContent);
  };
  file.addEventListener("change", tell);
  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    form.addEventListener(name, (event) => {
      event.preventDefault();
      form.classList.toggle("over", name === "dragenter" || name === "dragover");
    });
  }
  form.addEventListener("drop", (event) => {
    if (event.dataTransfer.files.length !== 1) return;
    file.files = event.dataTransfer.files;
    tell();
  });
})();
