/** Each hands the words up to the cursor to `weir complete`, and leaves names of files to the shell. */
export const scripts = {
  bash: `# weir completion bash; for every shell: weir completion bash > ~/.local/share/bash-completion/completions/weir
_weir() {
	local line
	COMPREPLY=()
	while IFS= read -r line; do
		COMPREPLY+=("\${line%%$'\\t'*}")
	done < <("$1" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _weir weir
`,
  zsh: `#compdef weir
# weir completion zsh; for every shell: weir completion zsh > a file _weir in a folder of $fpath
_weir() {
	local line
	local -a found
	while IFS= read -r line; do
		found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
	done < <("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
	if (( \${#found} )); then _describe weir found; else _files; fi
}
compdef _weir weir
`,
  fish: `# weir completion fish; for every shell: weir completion fish > ~/.config/fish/completions/weir.fish
function __weir_complete
	set -l words (commandline -opc)
	set -l current (commandline -ct)
	set -l found ($words[1] complete -- $words[2..-1] "$current" 2>/dev/null)
	if test (count $found) -gt 0
		printf '%s\\n' $found
	else
		__fish_complete_path "$current"
	end
end
complete -c weir -f -a '(__weir_complete)'
`,
} as const;

export type Shell = keyof typeof scripts;
export const shells = Object.keys(scripts) as Shell[];
