/** `text` is the form for logs and metrics: `0.0.0.0:8080`, `[::1]:80`, `unix:/run/lb.sock`. */
export type AddressBind =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly text: string }
  | { readonly kind: 'unix'; readonly path: string; readonly text: string }

/** Listening sockets that systemd passes under a name (FileDescriptorName=); `text` is `systemd:web`. */
export interface SystemdBind {
  readonly kind: 'systemd'
  readonly name: string
  readonly text: string
}

export type Bind = AddressBind | SystemdBind
