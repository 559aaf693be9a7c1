// The page of the React example: it uses the hook of the README.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { api, useSession } from "./session.jsx";

function SignIn() {
  const signIn = (form) => api.signIn(form.get("user"), form.get("password"), { device: "React" });
  return (
    <form action={signIn}>
      <label>User name <input name="user" /></label>
      <label>Password <input name="password" type="password" /></label>
      <button>Sign in</button>
    </form>
  );
}

function App() {
  const session = useSession();
  if (session === undefined) return <p>Please wait</p>;
  if (session === null) return <SignIn />;
  return (
    <main>
      <p>Signed in with {session.device}</p>
      <button onClick={api.signOut}>Sign out</button>
    </main>
  );
}

createRoot(document.getElementById("root")).render(<StrictMode><App /></StrictMode>);
