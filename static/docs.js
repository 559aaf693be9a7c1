"use strict";

SwaggerUIBundle({
  url: document.getElementById("docs").dataset.schema,
  dom_id: "#docs",
  deepLinking: true,
  // Swagger UI would send the document's address to a validator elsewhere.
  validatorUrl: null,
});
