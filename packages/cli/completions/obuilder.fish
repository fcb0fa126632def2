# Completes the words of obuilder in fish: obuilder completion fish > ~/.config/fish/completions/obuilder.fish

function __obuilder_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    # What stands before a path in the same word.
    set -l before (string match -r -- '^(?:--[^=]*=)?(?:qemu:)?' $current)
    set -l path (string sub -s (math (string length -- "$before") + 1) -- $current)
    for line in ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':files'
                for found in (__fish_complete_path "$path")
                    echo $before$found
                end
            case ':directories'
                for found in (__fish_complete_directories "$path" '')
                    echo $before$found
                end
            case '*'
                echo $line
        end
    end
end

complete -c obuilder -f -a '(__obuilder_complete)'
