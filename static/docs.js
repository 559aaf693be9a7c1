import { latchkey } from "/clients/latchkey.js";

const api = latchkey({ site: location.origin });
const CREDENTIALS = "authorization"; // which "Authorize" sets

SwaggerUIBundle({
  url: document.getElementById("docs").dataset.schema,
  dom_id: "#docs",
  deepLinking: true,
  // By default, Swagger UI sends the document's URL to a validator on another site.
  validatorUrl: null,
  // "Try it out" sends calls as the user who is signed in below the header, and refreshes.
  requestInterceptor: (request) => {
    const names = Object.keys(request.headers).map((name) => name.toLowerCase());
    const isCall = new URL(request.url, location).pathname.startsWith("/api/") && !request.loadSpec;
    return isCall && !names.includes(CREDENTIALS) ? { ...request, userFetch: api.fetch } : request;
  },
});

const form = document.getElementById("sign-in");
const signedIn = document.getElementById("signed-in");
const problem = document.getElementById("problem");

const report = (error) => { problem.textContent = error.message; };

async function show() {
  const answer = await api.fetch("/api/account/me/");
  [form.hidden, signedIn.hidden] = [answer.ok, !answer.ok];
  problem.textContent = "";
  const { username } = await answer.json(); // A body that is not read keeps the request open.
  signedIn.querySelector("bdi").textContent = username ?? "";
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { username, password } = form.elements;
  api.signIn(username.value, password.value, { device: document.title }).then(() => form.reset(), report);
});
signedIn.querySelector("button").addEventListener("click", () => api.signOut().catch(report));
for (const event of ["signedin", "signedout"]) api.addEventListener(event, () => show().catch(report));
show().catch(report);

// Swagger UI has a dark mode, but does not follow the browser's colour scheme.
const dark = matchMedia("(prefers-color-scheme: dark)");
const setMode = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", setMode);
setMode();
